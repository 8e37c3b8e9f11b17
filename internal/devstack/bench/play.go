package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Play is what the floor performs: the workflows of one request, as turns. Its first part is the one that a client
// starts; the others are started by it or by one another.
type Play struct {
	Name  string `json:"name"`
	Parts []Part `json:"parts"`
	// Call is the update that the client sends together with the start; nil for none. Later updates are deliveries.
	Call *Delivery `json:"call,omitempty"`
}

// Part is one workflow of a play.
type Part struct {
	// Type is the workflow type that was recorded; for people.
	Type  string `json:"type"`
	Start Start  `json:"start"`
	Turns []Turn `json:"turns"`
	// Ends is true when the workflow completes with its last turn; else it stays open.
	Ends   bool    `json:"ends"`
	Result []Value `json:"result,omitempty"`
	// Types is the recorded sequence of event types, which the floor's is compared with.
	Types []string `json:"types"`
}

// Start is how a workflow is started.
type Start struct {
	Input      []Value          `json:"input,omitempty"`
	Attributes map[string]Value `json:"attributes,omitempty"`
	Memo       map[string]Value `json:"memo,omitempty"`
	Summary    string           `json:"summary,omitempty"`
}

// Value is a payload as it was recorded.
type Value struct {
	Metadata map[string][]byte `json:"metadata,omitempty"`
	Data     []byte            `json:"data,omitempty"`
}

// Turn is one workflow task: what has arrived when it begins, and the commands that it gives.
type Turn struct {
	Arrivals []Arrival `json:"arrivals,omitempty"`
	Commands []Command `json:"commands,omitempty"`
	// Outside are messages that arrive before the next turn and that no workflow or activity of the play sends.
	Outside []Delivery `json:"outside,omitempty"`
}

// ArrivalKind is what has arrived.
type ArrivalKind string

// The kinds of arrivals.
const (
	ArriveActivity ArrivalKind = "activity"
	ArriveTimer    ArrivalKind = "timer"
	ArriveSent     ArrivalKind = "signal was sent"
	ArriveSignal   ArrivalKind = "signal"
)

// Arrival is an event that a workflow waits for.
type Arrival struct {
	Kind ArrivalKind `json:"kind"`
	// Of is the id of the command that it answers; 0 for a signal.
	Of int64 `json:"of,omitempty"`
	// Name is a signal's name, Nth that it is the nth of that name, from 1 on.
	Name string `json:"name,omitempty"`
	Nth  int    `json:"nth,omitempty"`
}

// CommandKind is what a workflow commands.
type CommandKind string

// The kinds of commands.
const (
	DoActivity       CommandKind = "activity"
	DoCancelActivity CommandKind = "cancel activity"
	DoTimer          CommandKind = "timer"
	DoCancelTimer    CommandKind = "cancel timer"
	DoLocal          CommandKind = "local activity"
	DoSideEffect     CommandKind = "side effect"
	DoVersion        CommandKind = "version"
	DoAttributes     CommandKind = "search attributes"
	DoMemo           CommandKind = "memo"
	DoSignal         CommandKind = "signal"
	DoAccept         CommandKind = "update accepted"
	DoAnswer         CommandKind = "update completed"
)

// Command is one command. ID is the id of the event that it became in the record, and Of that of an earlier command.
type Command struct {
	Kind CommandKind `json:"kind"`
	ID   int64       `json:"id"`
	Of   int64       `json:"of,omitempty"`
	// Name is the type of an activity, the name of a signal or an update, the id of a version's change.
	Name    string  `json:"name,omitempty"`
	Input   []Value `json:"input,omitempty"`
	Result  []Value `json:"result,omitempty"`
	Summary string  `json:"summary,omitempty"`
	// Queue is an activity's; "" is the workflow's own.
	Queue   string           `json:"queue,omitempty"`
	Timeout Timeouts         `json:"timeout,omitzero"`
	After   time.Duration    `json:"after,omitempty"`
	Fields  map[string]Value `json:"fields,omitempty"`
	// Sends is what an activity sends before it answers, and To the part that a workflow signals.
	Sends []Delivery `json:"sends,omitempty"`
	To    int        `json:"to,omitempty"`
	// Turn is the turn that an activity's answer arrives in; 0 when nothing waits for it.
	Turn int `json:"turn,omitempty"`
	// Needs are turns of other parts that must have begun before an activity answers, because its answer leads to a
	// message to them.
	Needs []Need `json:"needs,omitempty"`
}

// Need is a turn of a part.
type Need struct {
	Part int `json:"part"`
	Turn int `json:"turn"`
}

// Timeouts are those of an activity.
type Timeouts struct {
	ScheduleToClose time.Duration `json:"schedule_to_close,omitempty"`
	ScheduleToStart time.Duration `json:"schedule_to_start,omitempty"`
	StartToClose    time.Duration `json:"start_to_close,omitempty"`
	Heartbeat       time.Duration `json:"heartbeat,omitempty"`
	RetryFirst      time.Duration `json:"retry_first,omitempty"`
	RetryMost       time.Duration `json:"retry_most,omitempty"`
	RetryFactor     float64       `json:"retry_factor,omitempty"`
	Attempts        int32         `json:"attempts,omitempty"`
}

// Delivery is a message to a part: a signal, or an update when ID is set.
type Delivery struct {
	To int `json:"to"`
	// Name is the signal's or the update's.
	Name  string  `json:"name"`
	Input []Value `json:"input,omitempty"`
	// Start is true when the signal starts the part, too.
	Start bool `json:"start,omitempty"`
	// ID is an update's.
	ID string `json:"id,omitempty"`
	// Turn is the turn that it arrives in.
	Turn int `json:"turn"`
}

// Events is how many events a performance of the play has.
func (p Play) Events() int {
	n := 0
	for _, part := range p.Parts {
		n += len(part.Types)
	}
	return n
}

// WritePlays writes plays for a floor worker.
func WritePlays(path string, plays []Play) error {
	text, err := json.Marshal(plays)
	if err != nil {
		return fmt.Errorf("write the plays: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the plays: %w", err)
	}
	return nil
}

// ReadPlays reads what WritePlays wrote.
func ReadPlays(path string) ([]Play, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the plays: %w", err)
	}
	var plays []Play
	if err := json.Unmarshal(text, &plays); err != nil {
		return nil, fmt.Errorf("read the plays from %s: %w", path, err)
	}
	return plays, nil
}
