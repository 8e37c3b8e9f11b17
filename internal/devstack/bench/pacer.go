package bench

import (
	"context"
	"math"
	"sync"
	"time"
)

// pacer leads the activities of the performances within one worker process, so that answers and messages arrive in the
// turns in which the record has them. It is safe for concurrent use.
type pacer struct {
	// send sends a message that comes from outside.
	send func(workflowID string, d Delivery)

	mu  sync.Mutex
	all map[string]*pace
	// late counts waits that were given up.
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

// of returns a performance's pace. The caller holds the lock.
func (p *pacer) of(id string) *pace {
	one := p.all[id]
	if one == nil {
		one = &pace{turn: -1, ready: map[int]int{}, changed: make(chan struct{})}
		p.all[id] = one
	}
	return one
}

// change changes a performance's pace, and wakes who waits.
func (p *pacer) change(id string, by func(*pace)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of(id)
	by(one)
	close(one.changed)
	one.changed = make(chan struct{})
}

// reached is called when a performance begins a turn, and sends what comes from outside after it.
func (p *pacer) reached(id string, turn int, outside []Delivery) {
	p.change(id, func(one *pace) { one.turn = max(one.turn, turn) })
	for _, d := range outside {
		go p.send(partID(id, d.To), d)
	}
}

// over is called when a performance has no turn left.
func (p *pacer) over(id string) {
	p.change(id, func(one *pace) { one.turn, one.ready = math.MaxInt, map[int]int{} })
}

// awaitTurn waits until a turn has begun.
func (p *pacer) awaitTurn(ctx context.Context, id string, turn int) {
	p.wait(ctx, id, func(one *pace) bool { return one.turn >= turn })
}

// answer holds an answer back until the turn before its own has begun and the other answers of its turn are ready.
func (p *pacer) answer(ctx context.Context, id string, turn, together int) {
	p.change(id, func(one *pace) { one.ready[turn]++ })
	p.wait(ctx, id, func(one *pace) bool { return one.turn >= turn || (one.turn == turn-1 && one.ready[turn] >= together) })
}

func (p *pacer) wait(ctx context.Context, id string, met func(*pace) bool) {
	timer := time.NewTimer(leadWithin)
	defer timer.Stop()
	for {
		p.mu.Lock()
		one := p.of(id)
		done, changed := met(one), one.changed
		p.mu.Unlock()
		if done {
			return
		}
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
	}
}
