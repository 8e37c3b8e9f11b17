package bench

import (
	"bytes"
	"time"
)

// The fixed floor's shape. It is a constant, so that usher can be compared with itself over the years: never change it.
const (
	fixedActivities = 6
	fixedPayload    = 512
	fixedTimer      = time.Hour
)

// fixedPlay is one workflow with one update that starts it, six activities one after another, and a timer that is started
// at the beginning and cancelled at the end. The update is answered after the third activity.
func fixedPlay() Play {
	const (
		update = iota + 1
		timer
		firstActivity
	)
	filler := Value{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: quoted(fixedPayload)}
	values := []Value{filler}
	act := func(n int) Command {
		return Command{
			Kind: DoActivity, ID: int64(firstActivity + n), Input: values, Result: values, Turn: n + 1,
			Timeout: Timeouts{StartToClose: 30 * time.Second, ScheduleToClose: 5 * time.Minute, RetryFirst: time.Second, RetryFactor: 2},
		}
	}
	turns := []Turn{{Commands: []Command{
		{Kind: DoAccept, ID: update, Name: "ask", Input: values, Result: values},
		{Kind: DoTimer, ID: timer, After: fixedTimer},
		act(0),
	}}}
	for n := 1; n <= fixedActivities; n++ {
		turn := Turn{Arrivals: []Arrival{{Kind: ArriveActivity, Of: int64(firstActivity + n - 1)}}}
		if n == fixedActivities/2 {
			turn.Commands = append(turn.Commands, Command{Kind: DoAnswer, ID: 100, Of: update})
		}
		if n < fixedActivities {
			turn.Commands = append(turn.Commands, act(n))
		} else {
			turn.Commands = append(turn.Commands, Command{Kind: DoCancelTimer, ID: 101, Of: timer})
		}
		turns = append(turns, turn)
	}
	return Play{
		Name: "fixed", Call: &Delivery{Name: "ask", ID: "ask", Input: values},
		Parts: []Part{{Type: "fixed", Start: Start{Input: values}, Turns: turns, Ends: true, Result: values}},
	}
}

// quoted is a JSON string of that many bytes.
func quoted(size int) []byte {
	text := bytes.Repeat([]byte("usher asks and waits. "), size/22+1)[:size]
	text[0], text[size-1] = '"', '"'
	return text
}
