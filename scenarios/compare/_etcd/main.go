// Command etcd is etcd's server and the program that drives it. The bench builds it in a module of its own, so
// that the project does not depend on etcd, and etcd stands on the versions that it was released with.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.uber.org/zap"

	"picloud/scenarios/compare/load"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "drive" {
		etcdmain.Main(os.Args)
		return
	}
	if err := load.Main(context.Background(), load.Stores(open)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func open(c load.Config) (load.Store, error) {
	var endpoints []string
	for _, address := range c.Addresses {
		endpoints = append(endpoints, "http://"+net.JoinHostPort(address, c.Port))
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
	return store{client}, err
}

// store is etcd as the load sees it.
type store struct{ *clientv3.Client }

func (s store) Put(ctx context.Context, key string, value []byte) error {
	_, err := s.Client.Put(ctx, key, string(value))
	return err
}

func (s store) Get(ctx context.Context, key string) ([]byte, error) {
	reply, err := s.Client.Get(ctx, key)
	if err != nil || len(reply.Kvs) == 0 {
		return nil, err
	}
	return reply.Kvs[0].Value, nil
}
