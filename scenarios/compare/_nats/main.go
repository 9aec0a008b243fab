// Command nats is NATS' server and the program that drives its JetStream. The bench builds it in a module of its own, so
// that the project does not depend on NATS.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"picloud/scenarios/compare/load"
)

func main() {
	var err error
	if len(os.Args) == 2 && os.Args[1] == "drive" {
		err = load.Main(context.Background(), load.Queues(open))
	} else {
		err = serve(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs a server with a configuration file until it is told to end.
func serve(file string) error {
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// The stream of the jobs, which has one subject, and its only consumer.
const (
	stream   = "bench"
	consumer = "workers"
)

// queue is a work queue stream as the load sees it.
type queue struct {
	connection *nats.Conn
	jetstream.JetStream
	jobs jetstream.MessagesContext
}

func open(c load.JobsConfig) (load.Queue, error) {
	var urls []string
	for _, address := range c.Addresses {
		urls = append(urls, "nats://"+net.JoinHostPort(address, c.Port))
	}
	connection, err := nats.Connect(strings.Join(urls, ","), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(connection)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		q := &queue{connection: connection, JetStream: js}
		if err = q.begin(ctx, len(c.Addresses), c.Workers); err == nil {
			return q, nil
		}
		select { // the servers have not found each other yet
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			connection.Close()
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// begin sees that stream and consumer are there, and asks for as many jobs at one time as there are workers.
func (q *queue) begin(ctx context.Context, replicas, workers int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := q.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: stream, Subjects: []string{stream},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: replicas})
	if err != nil {
		return err
	}
	c, err := q.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 10_000})
	if err != nil {
		return err
	}
	q.jobs, err = c.Messages(jetstream.PullMaxMessages(workers))
	return err
}

// Put returns when a majority has the job.
func (q *queue) Put(ctx context.Context, payload []byte) error {
	_, err := q.Publish(ctx, stream, payload)
	return err
}

func (q *queue) Take(ctx context.Context) (load.Job, error) {
	m, err := q.jobs.Next(jetstream.NextContext(ctx))
	if err != nil {
		return nil, err
	}
	return job{m}, nil
}

func (q *queue) Close() error {
	q.jobs.Stop()
	q.connection.Close()
	return nil
}

type job struct{ jetstream.Msg }

func (j job) Payload() []byte { return j.Data() }

// Done returns when the server has taken note.
func (j job) Done(ctx context.Context) error { return j.DoubleAck(ctx) }
