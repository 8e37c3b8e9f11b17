package joined_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/people"
)

// generated is a source that keeps nobody: everybody is made while they are listed.
type generated struct {
	script
	prefix string
	size   int
}

func (g *generated) ListPeople(ctx context.Context, _ string, take func(access.PeoplePage) error) (access.Listing, error) {
	pages := people.NewPages("list", take)
	for i := range g.size {
		value := func(name string) string { return fmt.Sprintf("%s of %s%d", name, g.prefix, i) }
		err := pages.Person(ctx, access.PersonRecord{
			Person: access.Person{
				ID: access.PersonID(fmt.Sprintf("%s%d", g.prefix, i)), UserName: value("login"), DisplayName: value("The name"), Email: value("mail"),
				Manager: access.PersonID(fmt.Sprintf("%s%d", g.prefix, i/10)), Active: true,
			},
			Attributes: map[string][]string{
				number: {fmt.Sprintf("E%d", i)}, access.AttributeDepartment: {value("department")}, access.AttributePhone: {value("phone")},
				access.AttributeTitle: {value("title")}, access.AttributeLocation: {value("location")},
			},
		})
		if err != nil {
			return access.Listing{}, err
		}
	}
	return pages.End(ctx, access.ProofCount)
}

// BenchmarkListPeople lists 100,000 people of two sources. heap-MB is what the join holds beside the sources, when the first page is handed over.
func BenchmarkListPeople(b *testing.B) {
	const size = 100_000
	c := joined.Config{Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}}}
	s, err := joined.New(c, map[access.SourceName]joined.Opened{
		"hr": {Known: known(), Port: &generated{prefix: "hr", size: size}}, "ad": {Known: known(), Port: &generated{prefix: "ad", size: size}},
	})
	require.NoError(b, err)
	heap := func() float64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc) / (1 << 20)
	}
	b.ReportAllocs()
	for b.Loop() {
		before, pages, held := heap(), 0, 0.0
		end, err := s.ListPeople(b.Context(), "", func(access.PeoplePage) error {
			if pages++; pages == 1 {
				held = heap() - before
			}
			return nil
		})
		require.NoError(b, err)
		require.Equal(b, size, end.People)
		b.ReportMetric(held, "heap-MB")
	}
}
