package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// actionMetric is a line of the Temporal server's metric of actions (server 1.32, common/rpc/interceptor/telemetry.go).
var actionMetric = regexp.MustCompile(`^action(?:_total)?\{(.*)\} ([0-9.e+]+)$`)

var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// settledActions asks for the server's actions until two answers in a row, a while apart, are the same: the server
// gathers its metrics and shows them with a delay. With something that runs beside, the last answer counts.
func settledActions(ctx context.Context, address string) (map[string]float64, error) {
	const (
		apart = 1500 * time.Millisecond
		tries = 6
	)
	last, err := serverActions(ctx, address)
	for range tries {
		if err == nil {
			err = pause(ctx, apart)
		}
		if err != nil {
			return nil, err
		}
		before := last
		if last, err = serverActions(ctx, address); err == nil && maps.Equal(before, last) {
			break
		}
	}
	return last, err
}

// serverActions asks the server how many actions of each type it has counted in the namespace "default" since its start,
// by its own names. For the markers of one workflow task it counts each marker and the batch; the batch alone is kept.
func serverActions(ctx context.Context, address string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the server's metrics: %s", response.Status)
	}
	return parseActions(response.Body)
}

func parseActions(from io.Reader) (map[string]float64, error) {
	counts := map[string]float64{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		found := actionMetric.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		labels := map[string]string{}
		for _, one := range label.FindAllStringSubmatch(found[1], -1) {
			labels[one[1]] = one[2]
		}
		kind := labels["action_type"]
		if labels["namespace"] != "default" || strings.HasPrefix(kind, "command_RecordMarker") {
			continue
		}
		value, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			return nil, fmt.Errorf("read the server's metrics: %w", err)
		}
		counts[kind] += value
	}
	return counts, lines.Err()
}

// since is what was counted after an earlier reading.
func since(before, after map[string]float64) map[string]float64 {
	grown := map[string]float64{}
	for kind, n := range after {
		if n > before[kind] {
			grown[kind] = n - before[kind]
		}
	}
	return grown
}

func sum(of map[string]float64) float64 {
	all := 0.0
	for _, n := range of {
		all += n
	}
	return all
}
