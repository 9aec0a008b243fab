package db

import (
	"strings"
	"time"
)

func keyCommands() []command {
	one, all := places{1, 1, 1}, places{1, -1, 1}
	return []command{
		{name: "exists", arity: -2, places: all, split: true, run: exists},
		{name: "touch", arity: -2, places: all, split: true, run: exists},
		{name: "type", arity: 2, places: one, run: typeOf},
		{name: "ttl", arity: 2, places: one, run: ttl},
		{name: "pttl", arity: 2, places: one, run: ttl},
		{name: "expiretime", arity: 2, places: one, run: ttl},
		{name: "pexpiretime", arity: 2, places: one, run: ttl},
		{name: "del", arity: -2, places: all, split: true, writes: true, run: del},
		{name: "unlink", arity: -2, places: all, split: true, writes: true, run: del},
		{name: "expire", arity: -3, places: one, writes: true, run: expire},
		{name: "pexpire", arity: -3, places: one, writes: true, run: expire},
		{name: "expireat", arity: -3, places: one, writes: true, run: expire},
		{name: "pexpireat", arity: -3, places: one, writes: true, run: expire},
		{name: "persist", arity: 2, places: one, writes: true, run: persist},
	}
}

func exists(w *work, a [][]byte) (any, error) {
	n := int64(0)
	for _, key := range a[1:] {
		e, err := w.find(key)
		if err != nil {
			return nil, err
		}
		if e != nil {
			n++
		}
	}
	return n, nil
}

func del(w *work, a [][]byte) (any, error) {
	n := int64(0)
	for _, key := range a[1:] {
		e, err := w.find(key)
		if err != nil {
			return nil, err
		}
		if e != nil {
			w.put(key, nil)
			n++
		}
	}
	return n, nil
}

func typeOf(w *work, a [][]byte) (any, error) {
	e, err := w.find(a[1])
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return status("none"), nil
	case e.fields != nil:
		return status("hash"), nil
	}
	return status("string"), nil
}

// ttl is TTL, PTTL, EXPIRETIME and PEXPIRETIME.
func ttl(w *work, a [][]byte) (any, error) {
	e, err := w.find(a[1])
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return int64(-2), nil
	case e.left == 0:
		return int64(-1), nil
	}
	left, name := e.left, word(a[0])
	if strings.HasSuffix(name, "EXPIRETIME") {
		left += time.Now().UnixMilli()
	}
	if strings.HasPrefix(name, "P") {
		return left, nil
	}
	return (left + 500) / 1000, nil
}

// expire is EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
func expire(w *work, a [][]byte) (any, error) {
	var nx, xx, gt, lt bool
	for _, option := range a[3:] {
		switch word(option) {
		case "NX":
			nx = true
		case "XX":
			xx = true
		case "GT":
			gt = true
		case "LT":
			lt = true
		default:
			return nil, respError("ERR Unsupported option " + string(option))
		}
	}
	if nx && (xx || gt || lt) {
		return nil, respError("ERR NX and XX, GT or LT options at the same time are not compatible")
	}
	if gt && lt {
		return nil, respError("ERR GT and LT options at the same time are not compatible")
	}
	n, err := integer(a[2])
	if err != nil {
		return nil, err
	}
	unit := map[string]string{"EXPIRE": "EX", "PEXPIRE": "PX", "EXPIREAT": "EXAT", "PEXPIREAT": "PXAT"}[word(a[0])]
	left, fits := lifetime(unit, n)
	if !fits {
		return nil, errExpire(a[0])
	}
	e, err := w.find(a[1])
	if err != nil || e == nil {
		return int64(0), err
	}
	forever := e.left == 0 // longer than any time
	if nx && !forever || xx && forever || gt && (forever || left <= e.left) || lt && !forever && left >= e.left {
		return int64(0), nil
	}
	w.storeFor(a[1], e, left)
	return int64(1), nil
}

func persist(w *work, a [][]byte) (any, error) {
	e, err := w.find(a[1])
	if err != nil || e == nil || e.left == 0 {
		return int64(0), err
	}
	w.put(a[1], &entry{fields: e.fields, text: e.text})
	return int64(1), nil
}
