package lb

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// buffers are what answers are copied through.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

const longestID = 64

// validID tells whether a request's ID may be passed on.
func validID(id string) bool {
	return id != "" && len(id) <= longestID && !strings.ContainsFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
}

func newID() string { return fmt.Sprintf("%016x", rand.Uint64()) }
