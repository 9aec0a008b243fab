package db

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"picloud/node/api"
)

func stringCommands() []command {
	one, all, pairs := places{1, 1, 1}, places{1, -1, 1}, places{1, -1, 2}
	return []command{
		{name: "get", arity: 2, places: one, run: get},
		{name: "getrange", arity: 4, places: one, run: getRange},
		{name: "mget", arity: -2, places: all, split: true, run: mget},
		{name: "strlen", arity: 2, places: one, run: strlen},
		{name: "set", arity: -3, places: one, writes: true, run: set},
		{name: "setnx", arity: 3, places: one, writes: true, run: setNX},
		{name: "setex", arity: 4, places: one, writes: true, run: setEX},
		{name: "psetex", arity: 4, places: one, writes: true, run: setEX},
		{name: "getset", arity: 3, places: one, writes: true, run: getSet},
		{name: "getdel", arity: 2, places: one, writes: true, run: getDel},
		{name: "getex", arity: -2, places: one, writes: true, run: getEX},
		{name: "mset", arity: -3, places: pairs, writes: true, run: mset},
		{name: "msetnx", arity: -3, places: pairs, writes: true, run: msetNX},
		{name: "append", arity: 3, places: one, writes: true, run: appendText},
		{name: "setrange", arity: 4, places: one, writes: true, run: setRange},
		{name: "incr", arity: 2, places: one, writes: true, run: count(1)},
		{name: "decr", arity: 2, places: one, writes: true, run: count(-1)},
		{name: "incrby", arity: 3, places: one, writes: true, run: count(1)},
		{name: "decrby", arity: 3, places: one, writes: true, run: count(-1)},
		{name: "incrbyfloat", arity: 3, places: one, writes: true, run: incrByFloat},
	}
}

const (
	errOverflow = respError("ERR increment or decrement would overflow")
	errOffset   = respError("ERR offset is out of range")
	errTooLong  = respError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
)

func boolean(b bool) (any, error) {
	if b {
		return int64(1), nil
	}
	return int64(0), nil
}

// integer reads a number in its shortest form, as Redis does.
func integer(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(b) {
		return 0, errNotInteger
	}
	return n, nil
}

// content returns an entry's text as a reply, nil if there is no entry.
func content(e *entry) any {
	if e == nil {
		return nil
	}
	return e.text
}

func errExpire(command []byte) error {
	return respError("ERR invalid expire time in '" + strings.ToLower(string(command)) + "' command")
}

// lifetime returns how many ms a time in a unit of Redis is from now. The units are EX and PX for times to
// live, EXAT and PXAT for instants on this node's wall clock.
func lifetime(unit string, n int64) (int64, bool) {
	if unit == "EX" || unit == "EXAT" {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return 0, false
		}
		n *= 1000
	}
	if unit == "EXAT" || unit == "PXAT" {
		n = max(n, -api.MaxTTL) - time.Now().UnixMilli()
	}
	return n, n <= api.MaxTTL
}

// storeFor puts an entry that lives for some ms; one whose time is over is removed.
func (w *work) storeFor(key []byte, e *entry, left int64) {
	if left <= 0 {
		w.put(key, nil)
		return
	}
	w.put(key, &entry{fields: e.fields, text: e.text, life: life{left: left}})
}

// setOptions are what may stand behind SET key value, and GETEX key.
type setOptions struct {
	nx, xx, get, keep, persist bool
	timed                      bool
	left                       int64 // ms, if timed
}

func parseOptions(command []byte, args [][]byte, allowed string) (*setOptions, error) {
	o := &setOptions{}
	for i := 0; i < len(args); i++ {
		name := word(args[i])
		if !strings.Contains(allowed, " "+name+" ") {
			return nil, errSyntax
		}
		switch name {
		case "NX":
			o.nx = true
		case "XX":
			o.xx = true
		case "GET":
			o.get = true
		case "KEEPTTL":
			o.keep = true
		case "PERSIST":
			o.persist = true
		default:
			if i++; o.timed || i == len(args) {
				return nil, errSyntax
			}
			n, err := integer(args[i])
			if err != nil {
				return nil, err
			}
			var fits bool
			if o.left, fits = lifetime(name, n); !fits || n <= 0 {
				return nil, errExpire(command)
			}
			o.timed = true
		}
	}
	if o.nx && o.xx || o.timed && (o.keep || o.persist) {
		return nil, errSyntax
	}
	return o, nil
}

func set(w *work, a [][]byte) (any, error) {
	o, err := parseOptions(a[0], a[3:], " NX XX GET KEEPTTL EX PX EXAT PXAT ")
	if err != nil {
		return nil, err
	}
	var old *entry
	if o.get {
		old, err = w.text(a[1])
	} else if o.nx || o.xx || o.keep {
		old, err = w.find(a[1])
	}
	if err != nil {
		return nil, err
	}
	reply := any(ok)
	if o.get {
		reply = content(old)
	}
	if o.nx && old != nil || o.xx && old == nil {
		if o.get {
			return reply, nil
		}
		return nil, nil
	}
	now := &entry{text: a[2]}
	switch {
	case o.timed:
		w.storeFor(a[1], now, o.left)
		return reply, nil
	case o.keep && old != nil:
		now.life = old.life
	}
	w.put(a[1], now)
	return reply, nil
}

func get(w *work, a [][]byte) (any, error) {
	e, err := w.text(a[1])
	return content(e), err
}

func setNX(w *work, a [][]byte) (any, error) {
	old, err := w.find(a[1])
	if err != nil || old != nil {
		return int64(0), err
	}
	w.put(a[1], &entry{text: a[2]})
	return int64(1), nil
}

func setEX(w *work, a [][]byte) (any, error) {
	unit := "EX"
	if word(a[0]) == "PSETEX" {
		unit = "PX"
	}
	n, err := integer(a[2])
	if err != nil {
		return nil, err
	}
	left, fits := lifetime(unit, n)
	if !fits || n <= 0 {
		return nil, errExpire(a[0])
	}
	w.put(a[1], &entry{text: a[3], life: life{left: left}})
	return ok, nil
}

func getSet(w *work, a [][]byte) (any, error) {
	old, err := w.text(a[1])
	if err != nil {
		return nil, err
	}
	w.put(a[1], &entry{text: a[2]})
	return content(old), nil
}

func getDel(w *work, a [][]byte) (any, error) {
	old, err := w.text(a[1])
	if err != nil || old == nil {
		return nil, err
	}
	w.put(a[1], nil)
	return old.text, nil
}

func getEX(w *work, a [][]byte) (any, error) {
	o, err := parseOptions(a[0], a[2:], " EX PX EXAT PXAT PERSIST ")
	if err != nil {
		return nil, err
	}
	old, err := w.text(a[1])
	if err != nil || old == nil {
		return nil, err
	}
	switch {
	case o.timed:
		w.storeFor(a[1], old, o.left)
	case o.persist && old.left > 0:
		w.put(a[1], &entry{text: old.text})
	}
	return old.text, nil
}

func mget(w *work, a [][]byte) (any, error) {
	var list []any
	for _, key := range a[1:] {
		e, err := w.text(key)
		if err != nil && err != errWrongType { // of another type is as good as absent
			return nil, err
		}
		list = append(list, content(e))
	}
	return list, nil
}

func mset(w *work, a [][]byte) (any, error) {
	if len(a)%2 == 0 {
		return nil, errArity("mset")
	}
	for i := 1; i < len(a); i += 2 {
		w.put(a[i], &entry{text: a[i+1]})
	}
	return ok, nil
}

func msetNX(w *work, a [][]byte) (any, error) {
	if len(a)%2 == 0 {
		return nil, errArity("msetnx")
	}
	there := false
	for i := 1; i < len(a); i += 2 {
		e, err := w.find(a[i])
		if err != nil {
			return nil, err
		}
		there = there || e != nil
	}
	if there {
		return int64(0), nil
	}
	_, err := mset(w, a)
	return int64(1), err
}

func strlen(w *work, a [][]byte) (any, error) {
	e, err := w.text(a[1])
	if err != nil || e == nil {
		return int64(0), err
	}
	return int64(len(e.text)), nil
}

// edit changes a key's text and keeps its time to live. The change gets an empty text for an absent key.
func (w *work) edit(key []byte, change func(old []byte) ([]byte, error)) ([]byte, error) {
	old, err := w.text(key)
	if err != nil {
		return nil, err
	}
	if old == nil {
		old = &entry{}
	}
	text, err := change(old.text)
	if err != nil {
		return nil, err
	}
	w.put(key, &entry{text: text, life: old.life})
	return text, nil
}

func appendText(w *work, a [][]byte) (any, error) {
	text, err := w.edit(a[1], func(old []byte) ([]byte, error) {
		if len(old)+len(a[2]) >= api.MaxValueBytes {
			return nil, errTooLong
		}
		return append(append([]byte{}, old...), a[2]...), nil
	})
	return int64(len(text)), err
}

func setRange(w *work, a [][]byte) (any, error) {
	at, err := integer(a[2])
	if err != nil {
		return nil, err
	}
	if at < 0 {
		return nil, errOffset
	}
	if len(a[3]) == 0 {
		return strlen(w, a)
	}
	text, err := w.edit(a[1], func(old []byte) ([]byte, error) {
		if at+int64(len(a[3])) >= api.MaxValueBytes || at >= api.MaxValueBytes {
			return nil, errTooLong
		}
		now := make([]byte, max(len(old), int(at)+len(a[3])))
		copy(now, old)
		copy(now[at:], a[3])
		return now, nil
	})
	return int64(len(text)), err
}

func getRange(w *work, a [][]byte) (any, error) {
	from, err := integer(a[2])
	if err != nil {
		return nil, err
	}
	to, err := integer(a[3])
	if err != nil {
		return nil, err
	}
	e, err := w.text(a[1])
	if err != nil || e == nil {
		return "", err
	}
	if from < 0 && to < 0 && from > to { // before both become the text's beginning
		return "", nil
	}
	n := int64(len(e.text))
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to = max(0, to+n)
	}
	if to = min(to, n-1); from > to {
		return "", nil
	}
	return e.text[from : to+1], nil
}

// sum adds a number to a text that is one, or to 0 if there is no text.
func sum(old []byte, by int64, notInteger error) (int64, error) {
	n := int64(0)
	if old != nil {
		var err error
		if n, err = integer(old); err != nil {
			return 0, notInteger
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return 0, errOverflow
	}
	return n + by, nil
}

// count returns INCR, DECR, INCRBY and DECRBY.
func count(sign int64) func(*work, [][]byte) (any, error) {
	return func(w *work, a [][]byte) (any, error) {
		by := int64(1)
		if len(a) == 3 {
			var err error
			if by, err = integer(a[2]); err != nil {
				return nil, err
			}
			if sign < 0 && by == math.MinInt64 {
				return nil, respError("ERR decrement would overflow")
			}
		}
		var n int64
		_, err := w.edit(a[1], func(old []byte) (text []byte, err error) {
			n, err = sum(old, sign*by, errNotInteger)
			return strconv.AppendInt(nil, n, 10), err
		})
		return n, err
	}
}

// sumFloat adds two decimal numbers with the precision and the form that Redis gives them.
func sumFloat(old, by []byte, notFloat error) ([]byte, error) {
	if old == nil {
		old = []byte("0")
	}
	a, err := float(old, notFloat)
	if err != nil {
		return nil, err
	}
	b, err := float(by, errNotFloat)
	if err != nil {
		return nil, err
	}
	text := a.Add(a, b).Text('f', 17)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		text = "0"
	}
	return []byte(text), nil
}

// What Redis takes for a float: a text of so many bytes, and nothing closer to 0 than a long double.
const (
	mostFloat  = 5<<10 - 1
	leastFloat = -16444 // the exponent of 2
)

// float reads a decimal number of a magnitude that a float64 holds. One that is far smaller is refused, as the work of
// writing it as a decimal grows with the square of its exponent.
func float(b []byte, notFloat error) (*big.Float, error) {
	if len(b) > mostFloat {
		return nil, notFloat
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(f) {
		return nil, notFloat
	}
	if math.IsInf(f, 0) {
		return nil, respError("ERR increment would produce NaN or Infinity")
	}
	exact, _, err := big.ParseFloat(string(b), 10, 64, big.ToNearestEven)
	if err != nil || exact.MantExp(nil) < leastFloat { // such as a hexadecimal one
		return nil, notFloat
	}
	return exact, nil
}

func incrByFloat(w *work, a [][]byte) (any, error) {
	text, err := w.edit(a[1], func(old []byte) ([]byte, error) { return sumFloat(old, a[2], errNotFloat) })
	if err != nil {
		return nil, err
	}
	return text, nil
}
