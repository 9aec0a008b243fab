package event

// The queue is a four-ary heap: shallower than a binary one, and the events of a run go through
// it a few times for each message.

func (l *Loop) less(a, b *Timer) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (l *Loop) push(t *Timer) {
	t.index = len(l.queue)
	l.queue = append(l.queue, t)
	l.up(t.index)
}

func (l *Loop) remove(i int) {
	t := l.queue[i]
	last := len(l.queue) - 1
	moved := l.queue[last]
	l.queue[last] = nil
	l.queue = l.queue[:last]
	if i != last {
		l.queue[i] = moved
		moved.index = i
		l.down(i)
		l.up(moved.index)
	}
	t.index = -1
}

func (l *Loop) up(i int) {
	t := l.queue[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !l.less(t, l.queue[parent]) {
			break
		}
		l.queue[i] = l.queue[parent]
		l.queue[i].index = i
		i = parent
	}
	l.queue[i] = t
	t.index = i
}

func (l *Loop) down(i int) {
	t := l.queue[i]
	for {
		best := -1
		for c := 4*i + 1; c <= 4*i+4 && c < len(l.queue); c++ {
			if best < 0 || l.less(l.queue[c], l.queue[best]) {
				best = c
			}
		}
		if best < 0 || !l.less(l.queue[best], t) {
			break
		}
		l.queue[i] = l.queue[best]
		l.queue[i].index = i
		i = best
	}
	l.queue[i] = t
	t.index = i
}
