package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/connectors/scim"
	"usher/internal/ledger/ledgertest"
	"usher/internal/telemetry"
)

// metricsOf reads metrics as Prometheus does.
func metricsOf(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

// snake is a method's name as a label: "FindTicket" is "find_ticket".
func snake(method string) string {
	var out strings.Builder
	for i, r := range method {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// callAll calls every method of an interface with zero values, and gives their names as labels.
func callAll(t *testing.T, port reflect.Type, on any) []string {
	t.Helper()
	var names []string
	for i := range port.NumMethod() {
		method := reflect.ValueOf(on).MethodByName(port.Method(i).Name)
		arguments := []reflect.Value{reflect.ValueOf(t.Context())}
		for in := 1; in < method.Type().NumIn(); in++ {
			arguments = append(arguments, reflect.Zero(method.Type().In(in)))
		}
		call := method.Call
		if method.Type().IsVariadic() {
			call = method.CallSlice
		}
		call(arguments)
		names = append(names, snake(port.Method(i).Name))
	}
	return names
}

func TestObserved_every_method(t *testing.T) {
	m := telemetry.NewMetrics()
	o := func(port string) observer { return observer{m, telemetry.Connector{Port: port, Name: "trial"}} }
	rows := map[string]struct {
		port reflect.Type
		on   any
	}{
		"desk":   {reflect.TypeFor[access.ServiceDesk](), observedDesk{o("desk"), memory.NewDesk("trial")}},
		"target": {reflect.TypeFor[access.Provisioner](), observedTarget{o("target"), memory.NewTarget("editors")}},
		"source": {reflect.TypeFor[access.PeopleSource](), observedSource{o("source"), memory.NewSource()}},
		"users":  {reflect.TypeFor[access.UserDirectory](), observedUsers{o("users"), memory.NewUsers()}},
	}
	for port, row := range rows {
		for _, operation := range callAll(t, row.port, row.on) {
			text := metricsOf(t, m)
			require.Contains(t, text, fmt.Sprintf(`usher_connector_call_duration_seconds_count{connector="trial",operation=%q,port=%q} 1`, operation, port))
			require.Regexp(t, fmt.Sprintf(`usher_connector_calls_total\{connector="trial",kind="[a-z_]+",operation=%q,port=%q\} 1`, operation, port), text)
		}
	}
}

func TestObservedLedger(t *testing.T) {
	store := ledgertest.SQLite(t)
	m := telemetry.NewMetrics()
	counted := observedLedger{Store: store, metrics: m}
	require.NoError(t, counted.Ping(t.Context()))
	_, err := counted.View(t.Context(), "nobody-asked")
	require.True(t, access.IsKind(err, access.NotFound))
	text := metricsOf(t, m)
	require.Contains(t, text, `usher_ledger_calls_total{kind="ok",operation="ping"} 1`)
	require.Contains(t, text, `usher_ledger_calls_total{kind="not_found",operation="view"} 1`)
	require.Contains(t, text, `usher_ledger_call_duration_seconds_count{operation="view"} 1`)

	for _, port := range []reflect.Type{reflect.TypeFor[activities.LedgerStore](), reflect.TypeFor[activities.WatchStore](), reflect.TypeFor[activities.PeopleLedger](), reflect.TypeFor[activities.SyncLedger]()} {
		// Two ports may have a method in common.
		counted.metrics = telemetry.NewMetrics()
		for _, operation := range callAll(t, port, counted) {
			require.Contains(t, metricsOf(t, counted.metrics), fmt.Sprintf(`usher_ledger_call_duration_seconds_count{operation=%q} 1`, operation))
		}
	}
}

func TestRateLimit_is_counted(t *testing.T) {
	answers := make(chan int, 1)
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-answers) }))
	t.Cleanup(vendor.Close)
	open := func(rate float64) access.PeopleSource {
		source, err := scim.NewSource(scim.Config{BaseURL: vendor.URL, Token: "t", Rate: rate})
		require.NoError(t, err)
		return source
	}
	m := telemetry.NewMetrics()
	o := observer{m, telemetry.Connector{Port: "source", Name: "people"}}

	answers <- http.StatusTooManyRequests
	_, err := observedSource{o, open(0)}.Lookup(t.Context(), "ana")
	require.True(t, access.IsKind(err, access.RateLimited))
	require.Contains(t, metricsOf(t, m), `usher_connector_rate_limited_total{by="vendor",connector="people",port="source"} 1`)

	// One call in a thousand seconds: the second finds the share used up.
	slow := observedSource{o, open(0.001)}
	answers <- http.StatusInternalServerError
	_, err = slow.Lookup(t.Context(), "ana")
	require.Error(t, err)
	_, err = slow.Lookup(t.Context(), "ana")
	require.True(t, access.IsKind(err, access.RateLimited))
	require.Contains(t, metricsOf(t, m), `usher_connector_rate_limited_total{by="share",connector="people",port="source"} 1`)
}

func TestOthersLost_is_counted(t *testing.T) {
	target := memory.NewTarget("editor")
	target.AddAccounts("ana", "ben")
	m := telemetry.NewMetrics()
	counted := observedTarget{observer{m, telemetry.Connector{Port: "target", Name: "directory"}}, target}
	grant := func(who access.PersonID) {
		_, err := counted.Grant(t.Context(), access.Assignment{Role: "editor", Subject: access.Person{ID: who}})
		require.NoError(t, err)
	}
	grant("ana")
	require.NotContains(t, metricsOf(t, m), "usher_connector_others_lost_total{")
	target.LoseOthers()
	grant("ben")
	require.Contains(t, metricsOf(t, m), `usher_connector_others_lost_total{connector="directory",port="target"} 1`)
	_, err := counted.Revoke(t.Context(), access.Assignment{Role: "editor", Subject: access.Person{ID: "ben"}})
	require.NoError(t, err)
	require.Contains(t, metricsOf(t, m), `usher_connector_others_lost_total{connector="directory",port="target"} 1`)
}

func TestObserved_returns_the_same(t *testing.T) {
	desk := memory.NewDesk("trial")
	counted := observedDesk{observer{telemetry.NewMetrics(), telemetry.Connector{Port: "desk", Name: "trial"}}, desk}
	opened, err := counted.CreateTicket(t.Context(), access.NewTicket{Marker: "m1", Summary: "s"})
	require.NoError(t, err)
	found, err := counted.FindTicket(t.Context(), "m1")
	require.NoError(t, err)
	require.Equal(t, opened, found)
	cause := errors.New("because")
	_, err = observe(t.Context(), counted.observer, "trial", func(context.Context) (int, error) { return 7, cause })
	require.ErrorIs(t, err, cause)
}
