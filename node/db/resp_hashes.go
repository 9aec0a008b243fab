package db

import (
	"maps"
	"slices"
	"strconv"
)

func hashCommands() []command {
	one := places{1, 1, 1}
	return []command{
		{name: "hget", arity: 3, places: one, run: hget},
		{name: "hmget", arity: -3, places: one, run: hmget},
		{name: "hgetall", arity: 2, places: one, run: hlist(true, true)},
		{name: "hkeys", arity: 2, places: one, run: hlist(true, false)},
		{name: "hvals", arity: 2, places: one, run: hlist(false, true)},
		{name: "hexists", arity: 3, places: one, run: hexists},
		{name: "hlen", arity: 2, places: one, run: hlen},
		{name: "hstrlen", arity: 3, places: one, run: hstrlen},
		{name: "hset", arity: -4, places: one, writes: true, run: hset},
		{name: "hmset", arity: -4, places: one, writes: true, run: hmset},
		{name: "hsetnx", arity: 4, places: one, writes: true, run: hsetNX},
		{name: "hdel", arity: -3, places: one, writes: true, run: hdel},
		{name: "hincrby", arity: 4, places: one, writes: true, run: hincrBy},
		{name: "hincrbyfloat", arity: 4, places: one, writes: true, run: hincrByFloat},
	}
}

// fields returns a key's fields, none if it is absent. They are not to be changed.
func (w *work) fields(key []byte) (map[string][]byte, error) {
	e, err := w.hash(key)
	if e == nil {
		return nil, err
	}
	return e.fields, nil
}

// editHash changes a key's fields and keeps its time to live. A hash without fields is removed.
func (w *work) editHash(key []byte, change func(fields map[string][]byte) (any, error)) (any, error) {
	old, err := w.hash(key)
	if err != nil {
		return nil, err
	}
	now := &entry{fields: map[string][]byte{}}
	if old != nil {
		now.life = old.life
		maps.Copy(now.fields, old.fields)
	}
	reply, err := change(now.fields)
	if err != nil {
		return nil, err
	}
	if len(now.fields) > 0 {
		w.put(key, now)
	} else if old != nil {
		w.put(key, nil)
	}
	return reply, nil
}

func fieldOf(fields map[string][]byte, name []byte) any {
	if v, is := fields[string(name)]; is {
		return v
	}
	return nil
}

func hget(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	return fieldOf(fields, a[2]), err
}

func hmget(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	var list []any
	for _, name := range a[2:] {
		list = append(list, fieldOf(fields, name))
	}
	return list, err
}

// hlist returns HGETALL, HKEYS and HVALS. Fields are sorted.
func hlist(names, values bool) func(*work, [][]byte) (any, error) {
	return func(w *work, a [][]byte) (any, error) {
		fields, err := w.fields(a[1])
		list := []any{}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if names {
				list = append(list, name)
			}
			if values {
				list = append(list, fields[name])
			}
		}
		return list, err
	}
}

func hexists(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	if err != nil {
		return nil, err
	}
	_, is := fields[string(a[2])]
	return boolean(is)
}

func hlen(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	return int64(len(fields)), err
}

func hstrlen(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	return int64(len(fields[string(a[2])])), err
}

func hset(w *work, a [][]byte) (any, error) {
	if len(a)%2 != 0 {
		return nil, errArity("hset")
	}
	return w.editHash(a[1], func(fields map[string][]byte) (any, error) {
		before := len(fields)
		for i := 2; i < len(a); i += 2 {
			fields[string(a[i])] = a[i+1]
		}
		return int64(len(fields) - before), nil
	})
}

func hmset(w *work, a [][]byte) (any, error) {
	if len(a)%2 != 0 {
		return nil, errArity("hmset")
	}
	_, err := hset(w, a)
	return ok, err
}

func hsetNX(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	if _, is := fields[string(a[2])]; is || err != nil {
		return int64(0), err
	}
	return hset(w, a)
}

func hdel(w *work, a [][]byte) (any, error) {
	fields, err := w.fields(a[1])
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(a[2:], func(name []byte) bool { _, is := fields[string(name)]; return is }) {
		return int64(0), nil
	}
	return w.editHash(a[1], func(fields map[string][]byte) (any, error) {
		before := len(fields)
		for _, name := range a[2:] {
			delete(fields, string(name))
		}
		return int64(before - len(fields)), nil
	})
}

func hincrBy(w *work, a [][]byte) (any, error) {
	by, err := integer(a[3])
	if err != nil {
		return nil, err
	}
	return w.editHash(a[1], func(fields map[string][]byte) (any, error) {
		n, err := sum(numeral(fields, a[2]), by, respError("ERR hash value is not an integer"))
		fields[string(a[2])] = strconv.AppendInt(nil, n, 10)
		return n, err
	})
}

func hincrByFloat(w *work, a [][]byte) (any, error) {
	return w.editHash(a[1], func(fields map[string][]byte) (any, error) {
		text, err := sumFloat(numeral(fields, a[2]), a[3], respError("ERR hash value is not a float"))
		fields[string(a[2])] = text
		return text, err
	})
}

// numeral returns a field for counting, nil if it is absent; an empty one is there, and no number.
func numeral(fields map[string][]byte, name []byte) []byte {
	v, is := fields[string(name)]
	if is && v == nil {
		return []byte{}
	}
	return v
}
