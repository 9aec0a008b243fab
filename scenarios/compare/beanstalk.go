package compare

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"picloud/scenarios/compare/load"
)

// DriveBeanstalkd loads beanstalkd, as another process says on standard input.
func DriveBeanstalkd(ctx context.Context) error { return load.Main(ctx, load.Queues(openBeanstalkd)) }

func openBeanstalkd(c load.JobsConfig) (load.Queue, error) {
	return &beanstalkd{address: net.JoinHostPort(c.Addresses["beanstalkd"], c.Port)}, nil
}

// beanstalkd is a client of it. A connection does one thing at a time, and who reserves a job deletes it on the same, so
// each putter and each worker has its own.
type beanstalkd struct {
	address string

	mu   sync.Mutex
	free []*beanConn
	all  []*beanConn
}

type beanConn struct {
	net.Conn
	in *bufio.Reader
}

func (b *beanstalkd) conn(ctx context.Context) (*beanConn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.free); n > 0 {
		c := b.free[n-1]
		b.free = b.free[:n-1]
		return c, nil
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.address)
	if err != nil {
		return nil, err
	}
	c := &beanConn{raw, bufio.NewReader(raw)}
	b.all = append(b.all, c)
	return c, nil
}

func (b *beanstalkd) give(c *beanConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, c)
}

// ask sends a command and reads the line that answers it.
func (c *beanConn) ask(ctx context.Context, command string, answer string, into ...any) error {
	end, _ := ctx.Deadline()
	if err := c.SetDeadline(end); err != nil {
		return err
	}
	if _, err := io.WriteString(c, command); err != nil {
		return err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	if _, err := fmt.Sscanf(line, answer, into...); err != nil {
		return fmt.Errorf("beanstalkd answers %q", line)
	}
	return nil
}

func (b *beanstalkd) Put(ctx context.Context, payload []byte) error {
	c, err := b.conn(ctx)
	if err != nil {
		return err
	}
	defer b.give(c)
	var id int64
	return c.ask(ctx, fmt.Sprintf("put 0 0 30 %d\r\n%s\r\n", len(payload), payload), "INSERTED %d", &id)
}

func (b *beanstalkd) Take(ctx context.Context) (load.Job, error) {
	c, err := b.conn(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	j := &beanJob{queue: b, conn: c}
	var size int
	if err := c.ask(ctx, "reserve-with-timeout 3\r\n", "RESERVED %d %d", &j.id, &size); err != nil {
		b.give(c)
		return nil, err
	}
	j.payload = make([]byte, size+2)
	_, err = io.ReadFull(c.in, j.payload)
	return j, err
}

func (b *beanstalkd) Close() error {
	for _, c := range b.all {
		_ = c.Close()
	}
	return nil
}

type beanJob struct {
	queue   *beanstalkd
	conn    *beanConn
	id      int64
	payload []byte // and the end of a line
}

func (j *beanJob) Payload() []byte { return j.payload[:len(j.payload)-2] }

func (j *beanJob) Done(ctx context.Context) error {
	defer j.queue.give(j.conn)
	return j.conn.ask(ctx, fmt.Sprintf("delete %d\r\n", j.id), "DELETED\r\n")
}
