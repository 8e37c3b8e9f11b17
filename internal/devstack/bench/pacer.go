package bench

import (
	"context"
	"sync"
	"time"
)

// pacer leads the activities of the performances within one worker process, so that answers arrive in the turns in which
// the record has them. It is safe for concurrent use.
type pacer struct {
	// send sends a signal that comes from outside.
	send func(workflowID string, d Delivery)

	mu  sync.Mutex
	all map[string]*pace
	// late counts activities that did not wait to the end.
	late int
}

// pace is one performance's.
type pace struct {
	// turn is the last turn that was reached, -1 for none.
	turn int
	// ready counts the activities whose answers are ready, by the turn that they are for.
	ready map[int]int
	// changed is closed, and made anew, at every change.
	changed chan struct{}
}

// leadWithin is how long an activity waits for its turn: a worker that has lost its memory must not wait for ever.
const leadWithin = 2 * time.Second

func newPacer(send func(string, Delivery)) *pacer { return &pacer{send: send, all: map[string]*pace{}} }

// of gives a performance's pace. The caller holds the lock.
func (p *pacer) of(id string) *pace {
	one := p.all[id]
	if one == nil {
		one = &pace{turn: -1, ready: map[int]int{}, changed: make(chan struct{})}
		p.all[id] = one
	}
	return one
}

func (p *pace) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// reached tells that a performance begins a turn, and sends what comes from outside after it.
func (p *pacer) reached(id string, turn int, outside []Delivery) {
	p.mu.Lock()
	one := p.of(id)
	one.turn = max(one.turn, turn)
	one.change()
	p.mu.Unlock()
	for _, d := range outside {
		go p.send(partID(id, d.To), d)
	}
}

// over forgets a performance.
func (p *pacer) over(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[id]; one != nil {
		one.change()
		delete(p.all, id)
	}
}

// wait holds an answer back until the turn before its own has begun and the other answers of its turn are ready.
func (p *pacer) wait(ctx context.Context, id string, turn, together int) {
	timer := time.NewTimer(leadWithin)
	defer timer.Stop()
	p.mu.Lock()
	p.of(id).ready[turn]++
	p.of(id).change()
	for {
		one := p.of(id)
		if one.turn >= turn-1 && one.ready[turn] >= together {
			p.mu.Unlock()
			return
		}
		changed := one.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-timer.C:
			p.mu.Lock()
			p.late++
			p.mu.Unlock()
			return
		}
		p.mu.Lock()
	}
}
