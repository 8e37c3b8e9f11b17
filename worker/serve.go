package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"usher/internal/access"
)

// serveConfig is what one worker does, where several share the work. What is left out is everything, so the zero
// value is not the default: Workflows is true there.
type serveConfig struct {
	// Workflows has the worker run workflows, policy and the ledger. A worker at the edge sets it to false and needs
	// neither a catalog nor a ledger.
	Workflows bool `yaml:"workflows"`
	// Desks, Targets and Sources are the connectors that this worker serves; nil for all that are not at the edge, an
	// empty list for none.
	Desks   []access.DeskName   `yaml:"desks"`
	Targets []access.TargetName `yaml:"targets"`
	Sources []access.SourceName `yaml:"sources"`
}

// queueConfig are the settings of a connector's queue, beside the connector's own.
type queueConfig struct {
	// Edge is true when another worker, at the edge, serves this connector and has its settings and secrets. It stands alone.
	Edge bool `yaml:"edge"`
	// QueueRate is how many activities per second Temporal hands out to all workers of the queue together; 0 for no
	// limit. It must be the same on all of them: the last one that asks wins. It is coarse, a brake for a herd of
	// retries; the connector's rate is exact, for this worker's calls.
	QueueRate float64 `yaml:"queue_rate"`
}

func (q queueConfig) validate() error {
	if q.QueueRate >= 0 {
		return nil
	}
	return fmt.Errorf("queue_rate: found %v, expected activities per second, or 0 for no limit", q.QueueRate)
}

// loneEdge reports whether a connector is at the edge; the error says that it is, but does not stand alone.
func loneEdge(q queueConfig, connector any) (bool, error) {
	if !q.Edge {
		return false, nil
	}
	if q.QueueRate != 0 || !reflect.ValueOf(connector).IsZero() {
		return true, errors.New("edge: is true beside other keys, expected it alone: the worker that serves the connector has its settings")
	}
	return true, nil
}

// serving returns the names that this worker serves, in order.
func serving[N ~string, C any](chosen []N, all map[N]C, queue func(C) queueConfig) []N {
	if chosen != nil {
		return slices.Sorted(slices.Values(chosen))
	}
	var names []N
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !queue(all[name]).Edge {
			names = append(names, name)
		}
	}
	return names
}

func (c *workerConfig) servedDesks() []access.DeskName {
	return serving(c.Serve.Desks, c.Desks, func(d deskConfig) queueConfig { return d.Queue })
}

func (c *workerConfig) servedTargets() []access.TargetName {
	return serving(c.Serve.Targets, c.Targets, func(t targetConfig) queueConfig { return t.Queue })
}

func (c *workerConfig) servedSources() []access.SourceName {
	return serving(c.Serve.Sources, c.Sources, func(s sourceConfig) queueConfig { return s.Queue })
}

// serveProblems names what cannot be served.
func (c *workerConfig) serveProblems() []error {
	wrong := slices.Concat(
		notServable("desks", c.Serve.Desks, c.Desks, func(d deskConfig) queueConfig { return d.Queue }),
		notServable("targets", c.Serve.Targets, c.Targets, func(t targetConfig) queueConfig { return t.Queue }),
		notServable("sources", c.Serve.Sources, c.Sources, func(s sourceConfig) queueConfig { return s.Queue }),
	)
	if len(wrong) == 0 && !c.Serve.Workflows && len(c.servedDesks())+len(c.servedTargets())+len(c.servedSources()) == 0 {
		wrong = append(wrong, errors.New("serve: names nothing, expected workflows: true, or a connector that this file configures"))
	}
	return wrong
}

// notServable names the chosen connectors that this file does not configure.
func notServable[N ~string, C any](port string, chosen []N, all map[N]C, queue func(C) queueConfig) []error {
	var wrong []error
	seen := map[N]bool{}
	for i, name := range chosen {
		key := fmt.Sprintf("serve.%s[%d]", port, i)
		connector, known := all[name]
		switch {
		case !known:
			wrong = append(wrong, fmt.Errorf("%s: found %q, expected one of %s: %s", key, name, port, namesOf(all)))
		case queue(connector).Edge:
			wrong = append(wrong, fmt.Errorf("%s: found %q, whose %s.%s.edge is true; expected a connector with its settings in this file",
				key, name, port, name))
		case seen[name]:
			wrong = append(wrong, fmt.Errorf("%s: found %q twice, expected each name once", key, name))
		}
		seen[name] = true
	}
	return wrong
}
