package bench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// counted is how many requests, one after another, the counts are the median of.
const counted = 9

// count counts events and actions of requests that run alone, and compares them with the server's own counter.
func (r *run) count(ctx context.Context) error {
	if err := r.usher.hire(ctx, counted+1); err != nil {
		return err
	}
	// The first one meets cold caches and, where there is one, starts the watch.
	if _, err := r.usher.happyPath(ctx); err != nil {
		return err
	}
	before, err := settledActions(ctx, r.metrics)
	if err != nil {
		return err
	}
	callsBefore, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	from := time.Now()
	var tallies []perRequest
	for range counted {
		id, err := within(ctx, r.usher.happyPath)
		if err != nil {
			return err
		}
		tally, err := r.tallyOf(ctx, id)
		if err != nil {
			return err
		}
		tallies = append(tallies, tally)
	}
	after, err := settledActions(ctx, r.metrics)
	if err != nil {
		return err
	}
	watch, err := watchUntil(ctx, r.temporal, from, time.Now())
	if err != nil {
		return err
	}
	events, actions := eventsOf(tallies), actionsOf(tallies)
	r.figures.set("events_per_request", median(events))
	r.figures.set("actions_per_request", median(actions))
	r.tell("%d requests, one after another; per request, median (min to max):", counted)
	r.tell("  events   %s", spread(events))
	r.tell("  actions  %s", spread(actions))
	r.breakdown(tallies)
	r.besides(watch)
	callsAfter, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	r.tell("calls to the desk for %d requests, the watch's included: %s", counted, callsAfter.minus(callsBefore))
	r.crossCheck(since(before, after), tallies, watch)
	return nil
}

// besides shows what the desk's watch did in the same time: the webhooks of usher's own writes reach it, too.
func (r *run) besides(watch did) {
	r.tell("apart from that, the desk's watch in the same time, per request: %s events, %s actions",
		number(float64(watch.tally.Events)/counted), number(float64(watch.tally.InAll())/counted))
	for _, action := range ordered(watch.tally.Actions) {
		r.tell("    action  %-42s %s", action, number(float64(watch.tally.Actions[action])/counted))
	}
}

// perRequest is the tally of each workflow that took part in a request, by workflow type.
type perRequest map[string]Tally

func (p perRequest) all() Tally {
	var all Tally
	for _, one := range p {
		all = all.Plus(one)
	}
	return all
}

// tallyOf counts the workflows of a request whose subject has no other request.
func (r *run) tallyOf(ctx context.Context, id string) (perRequest, error) {
	records, err := r.recordsOfRequest(ctx, id)
	if err != nil {
		return nil, err
	}
	tally := perRequest{}
	for _, record := range records {
		kind := record.History.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		tally[kind] = tally[kind].Plus(Count(record.History))
	}
	return tally, nil
}

func (r *run) recordsOfRequest(ctx context.Context, id string) ([]Record, error) {
	records, err := recordsOf(ctx, r.temporal, requestWorkflow(id), subjectWorkflow(r.usher.subject(id)))
	if err == nil && len(records) == 0 {
		err = fmt.Errorf("request %s has no history", id)
	}
	return records, err
}

func eventsOf(tallies []perRequest) []float64 {
	var all []float64
	for _, t := range tallies {
		all = append(all, float64(t.all().Events))
	}
	return all
}

func actionsOf(tallies []perRequest) []float64 {
	var all []float64
	for _, t := range tallies {
		all = append(all, float64(t.all().InAll()))
	}
	return all
}

// breakdown shows where events and actions come from, on average.
func (r *run) breakdown(tallies []perRequest) {
	n := float64(len(tallies))
	sums := map[string]Tally{}
	for _, tally := range tallies {
		for kind, one := range tally {
			sums[kind] = sums[kind].Plus(one)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(sums)) {
		one := sums[kind]
		r.tell("%s: %s events, %s actions on average", kind, number(float64(one.Events)/n), number(float64(one.InAll())/n))
		for _, action := range ordered(one.Actions) {
			r.tell("    action  %-42s %s", action, number(float64(one.Actions[action])/n))
		}
		for _, event := range ordered(one.Types) {
			r.tell("    event   %-42s %s", event, number(float64(one.Types[event])/n))
		}
	}
	r.tell("not in a history, so not counted: queries, refused updates, heartbeats, retries of activities that are pending")
}

// crossCheck shows what the server counted in the same time, everything included that ran beside.
func (r *run) crossCheck(server map[string]float64, tallies []perRequest, watch did) {
	n := float64(len(tallies))
	if len(server) == 0 {
		r.tell("the server's own metric of actions is not there")
		return
	}
	r.tell("the server's own counter in the same time, per request: %s (the histories, the watch's included: %s)",
		number(sum(server)/n), number((sumOf(actionsOf(tallies))+float64(watch.tally.InAll()))/n))
	for _, kind := range slices.Sorted(maps.Keys(server)) {
		r.tell("    server  %-58s %s", kind, number(server[kind]/n))
	}
	if beats := server[heartbeats]; beats > 0 {
		r.note("%s heartbeats per request reached the server. Each is an action, no history shows it, and actions_per_request has none of them.", number(beats/n))
	}
}

// heartbeats is the server's name of an activity's heartbeat.
const heartbeats = "grpc_RecordActivityTaskHeartbeat"

func sumOf(values []float64) float64 {
	all := 0.0
	for _, v := range values {
		all += v
	}
	return all
}

// silent is the SDK's logger that says nothing: what a client would log is in the errors as well.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
