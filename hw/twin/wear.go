package twin

// wear is how much of the card's flash is used up. A write of the host makes the card write more of its own, and each of its bytes can be
// erased only so often.
type wear struct {
	card    Card
	written int64 // bytes by the host
	told    bool
}

// writeAmplification of small writes with syncs between them: 4 to 10, estimated.
const writeAmplification = 6

// weakPermille is the part of a card's life after which errors begin, estimated; published cards differ a hundredfold in when.
const weakPermille = 700

func newWear(c Card) wear { return wear{card: c} }

func (w *wear) write(bytes int64) { w.written += bytes }

// permille returns how much of the card's life is over, in thousandths.
func (w *wear) permille() int64 {
	return mulDiv(w.written, writeAmplification*w.card.Aging*1000, w.card.Bytes*w.card.Cycles)
}

func (w *wear) worn() bool { return w.permille() >= 1000 }

// Wear is what a card's age does to it.
type Wear struct {
	LifePermille int64 // of its life that is over
	ErrorPPM     int64 // of writes and reads that fail, in parts per million
	SlowPermille int64 // how long a sync takes, against a new card's 1000
	ReadOnly     bool  // it takes no more writes
}

// Wear returns how the card has aged. Errors and slowness rise over the last third of its life; syncs of dying cards have been seen to slow
// down 3 to 10 times before the first error.
func (p *Pi) Wear() Wear {
	life := p.wear.permille()
	late := max(0, min(life, 1000)-weakPermille) * 1000 / (1000 - weakPermille)
	return Wear{LifePermille: life, ErrorPPM: late * late / 1000, SlowPermille: 1000 + 7*late, ReadOnly: p.wear.worn()}
}
