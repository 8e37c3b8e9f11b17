package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"usher/internal/access"
)

// AttentionLedger is what is read of the incidents of runs; *ledger.Store is one.
type AttentionLedger interface {
	Incidents(ctx context.Context, q access.IncidentsQuery) ([]access.IncidentView, error)
}

// Attention is what a run leaves for people: a ticket that is to be opened, or tickets with which there is nothing more to do. The zero value
// leaves nothing.
type Attention struct {
	// Open is what is handed in, and Digest its digest.
	Open   *access.Incident    `json:"open,omitempty"`
	Digest string              `json:"digest,omitempty"`
	Done   []access.IncidentID `json:"done,omitempty"`
	// Text is why there is nothing more to do.
	Text string `json:"text,omitempty"`
	// News is what an open ticket has to say in place of what it says; nil for nothing.
	News *IncidentNews `json:"news,omitempty"`
}

// IncidentNews is what an open incident of usher has to say in place of what it says.
type IncidentNews struct {
	Incident access.IncidentID `json:"incident"`
	// Instead is as of when that is true which the ticket says, and At as of when this is. What comes in place of something else is not said.
	Instead time.Time `json:"instead"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
}

// matter is what people have to look at after a run.
type matter struct {
	// about names what the run is over, as its schedule does: "people/hr". desk is where the ticket is opened.
	about string
	desk  access.DeskName
	// summary is one line; "" where nobody has to look. sentences are why, samples some of what it is about, and next what to do.
	summary                  string
	sentences, samples, next []string
	// began and at are when the run began, and when it ended.
	began, at time.Time
	// nothing is why there is nothing more to do.
	nothing string
	// news is what an open ticket says when what it says is too old; "" where it is never.
	news string
	// over reports whether a run after a time has found that nobody has to look.
	over func(ctx context.Context, since time.Time) (bool, error)
}

// anew is how long nobody is asked again who has closed a ticket while the matter goes on, counted from when it was handed in.
const anew = 24 * time.Hour

// maxSamples is how many samples the ticket of a matter has.
const maxSamples = 10

// knownIncidents is what is known of the incidents of runs: what the ledger has, whether a workflow runs, and whether one of that id was started.
type knownIncidents struct {
	ledger           AttentionLedger
	running, started func(ctx context.Context, workflow string) (bool, error)
}

// goesOn reports whether an incident is open. One whose workflow somebody has terminated is not, whatever the ledger has.
func (k knownIncidents) goesOn(ctx context.Context, v access.IncidentView) (bool, error) {
	if v.State.Ended() {
		return false, nil
	}
	return k.running(ctx, IncidentPrefix+string(v.Incident.ID))
}

// attend returns what a matter needs: one ticket, as long as people have to look. One that says that nothing is left is no such ticket, though the desk
// may not have let usher close it yet.
func (m matter) attend(ctx context.Context, known knownIncidents) (Attention, error) {
	last := 0
	var open []access.IncidentView
	q := access.IncidentsQuery{Reference: access.UsherReference + m.about, Limit: access.MaxIncidents}
	views, err := known.ledger.Incidents(ctx, q)
	if err != nil {
		return Attention{}, err
	}
	for _, v := range views {
		n, _ := strconv.Atoi(strings.TrimPrefix(string(v.Incident.ID), m.prefix()))
		last = max(last, n)
		goesOn, err := known.goesOn(ctx, v)
		if err != nil {
			return Attention{}, err
		}
		if goesOn && v.NothingLeft == "" {
			open = append(open, v)
		}
	}
	switch {
	case m.summary == "":
		return m.done(open), nil
	case len(open) > 0:
		return m.newsOf(open[0]), nil
	case m.desk == "":
		return Attention{}, nil
	}
	return m.open(ctx, known, views, last)
}

// done returns that there is nothing more to do with the tickets that are open.
func (m matter) done(open []access.IncidentView) Attention {
	if len(open) == 0 {
		return Attention{}
	}
	a := Attention{Text: m.nothing}
	for _, v := range open {
		a.Done = append(a.Done, v.Incident.ID)
	}
	return a
}

// newsOf returns what an open ticket has to say, where the run that it names can no longer be released.
func (m matter) newsOf(v access.IncidentView) Attention {
	if m.news == "" || m.began.Sub(v.AsOf()) < access.ReleaseWithin {
		return Attention{}
	}
	return Attention{News: &IncidentNews{Incident: v.Incident.ID, Instead: v.AsOf(), At: m.began, Text: m.news}}
}

// open returns the ticket of a matter that has none, unless people have closed one today, or one was refused, and the matter has gone on since. An incident
// that was terminated before it was recorded has its number for good.
func (m matter) open(ctx context.Context, known knownIncidents, views []access.IncidentView, last int) (Attention, error) {
	if len(views) > 0 {
		v := views[0]
		if v.EndedAt != nil && v.NothingLeft == "" && m.began.Sub(v.Incident.SubmittedAt) < anew {
			if over, err := m.over(ctx, *v.EndedAt); err != nil || !over {
				return Attention{}, err
			}
		}
	}
	for n := last + 1; ; n++ {
		i := m.incident(n)
		workflow := IncidentPrefix + string(i.ID)
		started, err := known.started(ctx, workflow)
		if err != nil {
			return Attention{}, err
		}
		if !started {
			return Attention{Open: i, Digest: i.Digest()}, nil
		}
		if running, err := known.running(ctx, workflow); err != nil || running {
			return Attention{}, err
		}
	}
}

// attends reports whether people may have to look after a run, or a ticket is open of one, as where none are wanted any more.
func attends(ctx context.Context, ledger AttentionLedger, desk access.DeskName, about string) (bool, error) {
	if desk != "" {
		return true, nil
	}
	for _, matter := range []string{about, about + "/failing"} {
		open, err := ledger.Incidents(ctx, access.IncidentsQuery{Reference: access.UsherReference + matter, Open: true, Limit: 1})
		if err != nil || len(open) > 0 {
			return len(open) > 0, err
		}
	}
	return false, nil
}

// prefix is what the ids of the incidents of a matter begin with; their number follows. No caller can have such an id.
func (m matter) prefix() string {
	sum := sha256.Sum256([]byte(m.about))
	const bytes = 6
	return access.UsherIncident + hex.EncodeToString(sum[:bytes]) + "-"
}

// attendRun returns what a run needs that held something, or failed too often: these are two matters, since one may begin before the other is over. A
// run that failed says nothing about what is held.
func attendRun(ctx context.Context, known knownIncidents, held, failing matter, failed bool) (Attention, error) {
	if failed {
		return failing.attend(ctx, known)
	}
	a, err := held.attend(ctx, known)
	if err != nil {
		return a, err
	}
	over, err := failing.attend(ctx, known)
	if len(over.Done) > 0 {
		a.Done, a.Text = append(a.Done, over.Done...), cmp.Or(a.Text, over.Text)
	}
	return a, err
}

func (m matter) incident(n int) *access.Incident {
	var b strings.Builder
	for _, s := range m.sentences {
		b.WriteString("- " + printable(s) + "\n")
	}
	if len(m.samples) > 0 {
		b.WriteString("\nSome of them:\n")
		for _, s := range m.samples {
			b.WriteString("- " + printable(s) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(m.next, "\n") + "\n")
	return &access.Incident{
		ID: access.IncidentID(m.prefix() + strconv.Itoa(n)), Caller: access.UsherCaller(), Evidence: "usher itself", Reference: access.UsherReference + m.about,
		Application: access.UsherApplication, Desk: m.desk, Summary: m.summary, Description: b.String(), SubmittedAt: m.at.UTC(),
	}
}

// printable returns a text of a source or a desk as a ticket can show it: in one line, without what changes how it is read, and not too long.
func printable(text string) string {
	const most = 300
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return text
}

// newer returns what a ticket says of a later run that holds something. The names of those whom it holds are not repeated.
func (m matter) newer(run string) string {
	return "The run that is named here before can no longer be released. " + m.summary + " by the run " + run + ".\n\n" + strings.Join(m.next, "\n")
}

// sentencesOf are why changes or rows are held.
func sentencesOf(holds []access.PeopleHold) []string {
	var all []string
	for _, h := range holds {
		all = append(all, h.Name()+": "+h.Sentence)
	}
	return all
}

// PeopleAttentionInput names a run over people that has ended.
type PeopleAttentionInput struct {
	Source access.SourceName `json:"source"`
	Run    string            `json:"run"`
}

// PeopleAttention returns whether people have to look at the source of a run: because the run held changes, or because the source cannot be
// listed time and again. It changes nothing.
func (a *People) PeopleAttention(ctx context.Context, c PeopleAttentionInput) (Attention, error) {
	settings, err := a.settingsOf(c.Source)
	if err != nil {
		return Attention{}, translate(err)
	}
	m := matter{
		about: "people/" + string(c.Source), desk: settings.TicketsOn,
		nothing: fmt.Sprintf("The run %s over the people of %s holds nothing back.", c.Run, c.Source),
		over:    a.ended(c.Source, func(r access.PeopleRun) bool { return r.Held == 0 }),
	}
	run, err := a.Ledger.PeopleRun(ctx, c.Source, c.Run)
	if err != nil {
		return Attention{}, translate(err)
	}
	m.began, m.at = run.BeganAt, cmp.Or(run.EndedAt, run.BeganAt)
	failing := m.failing(fmt.Sprintf("The run %s over the people of %s has ended well.", c.Run, c.Source),
		a.ended(c.Source, func(access.PeopleRun) bool { return true }))
	switch {
	case run.Problem != "":
		failed, err := a.failures(ctx, c.Source)
		if err != nil || failed.InARow < access.QuarantineAfter {
			return Attention{}, translate(err)
		}
		failing.cannot(fmt.Sprintf("the people of %s cannot be listed", c.Source), failed)
		failing.next = []string{fmt.Sprintf("What failed: usher people run %s %s", c.Source, c.Run), fmt.Sprintf("To try at once: usher people start %s", c.Source)}
	case run.Held > 0:
		held, err := a.Ledger.PeopleChanges(ctx, run.Source, run.Plan, access.PeopleChangesQuery{Limit: maxSamples, Held: true})
		if err != nil {
			return Attention{}, translate(err)
		}
		for _, change := range held {
			m.samples = append(m.samples, fmt.Sprintf("%s (%s): %s, held by %s", change.Person, nameOf(change), change.Class, change.Held))
		}
		m.summary = fmt.Sprintf("usher holds back %d changes of the people of %s", run.Held, c.Source)
		m.sentences = sentencesOf(run.Holds)
		m.next = []string{
			fmt.Sprintf("All of them: usher people changes %s %s --held", c.Source, c.Run),
			fmt.Sprintf("If they are right: usher people release %s %s --reason \"...\" (an administrator, within %s)", c.Source, c.Run, access.Duration(access.ReleaseWithin)),
			"If they are wrong, mend the source: the next run plans anew, and this ticket is closed once a run holds nothing back.",
		}
		m.news = m.newer(c.Run)
	}
	found, err := attendRun(ctx, knownIncidents{a.Ledger, a.Running, a.Started}, m, failing, run.Problem != "")
	return found, translate(err)
}

// nameOf is the login name of whom a change is about.
func nameOf(c access.PersonChange) string {
	if c.After.Record.UserName == "" && c.Before != nil {
		return c.Before.Record.UserName
	}
	return c.After.Record.UserName
}

// failing is the matter of runs that fail, over the same as m; nothing and over are those of that matter.
func (m matter) failing(nothing string, over func(context.Context, time.Time) (bool, error)) matter {
	return matter{about: m.about + "/failing", desk: m.desk, began: m.began, at: m.at, nothing: nothing, over: over}
}

// cannot is a matter of something that fails time and again.
func (m *matter) cannot(what string, failed access.Failures) {
	m.summary = "usher: " + what
	m.sentences = []string{
		fmt.Sprintf("%d runs in a row have failed, the last one at %s: %s", failed.InARow, failed.LastAt.UTC().Format(time.RFC3339), failed.Problem),
		"It is tried again at " + failed.Until().UTC().Format(time.RFC3339) + ", later less and less often.",
	}
}

// SyncAttention returns whether people have to look at the desk of a run: because the run holds rows, or because the desk's users cannot be
// synced time and again. It changes nothing.
func (a *UserSync) SyncAttention(ctx context.Context, c SyncInput) (Attention, error) {
	settings, err := a.settingsOf(c.Desk)
	if err != nil {
		return Attention{}, translate(err)
	}
	run, err := a.Ledger.SyncRun(ctx, c.Desk, c.Run)
	if err != nil || run.Dry || !run.Scope.Everybody() {
		return Attention{}, translate(err)
	}
	m := matter{
		about: "usersync/" + string(c.Desk), desk: settings.TicketsOn, began: run.BeganAt, at: cmp.Or(run.EndedAt, run.BeganAt),
		nothing: fmt.Sprintf("The run %s over the users of %s holds nothing back.", c.Run, c.Desk),
		over: a.ended(c.Desk, func(r access.SyncRun) bool {
			return !r.Dry && r.Scope.Everybody() && r.Held() == 0 && !r.OwnsTooMuch()
		}),
	}
	failing := m.failing(fmt.Sprintf("The run %s over the users of %s has ended well.", c.Run, c.Desk),
		a.ended(c.Desk, func(access.SyncRun) bool { return true }))
	switch {
	case run.Problem != "":
		failed, err := a.failures(ctx, c.Desk)
		if err != nil || failed.InARow < access.QuarantineAfter {
			return Attention{}, translate(err)
		}
		failing.cannot(fmt.Sprintf("the users of %s cannot be synced", c.Desk), failed)
		failing.next = []string{fmt.Sprintf("What failed: usher sync run %s %s", c.Desk, c.Run), fmt.Sprintf("To try at once: usher sync start %s", c.Desk)}
	case run.Held() > 0:
		held, err := a.Ledger.SyncRows(ctx, run.Desk, run.Rows, access.SyncRowsQuery{Limit: maxSamples, State: access.SyncHeld})
		if err != nil {
			return Attention{}, translate(err)
		}
		for _, row := range held {
			m.samples = append(m.samples, fmt.Sprintf("%s (user %s): %s, held by %s", row.Person, cmp.Or(string(row.User), "that is to be created"), row.Operation, row.Held))
		}
		m.summary = fmt.Sprintf("usher holds back %d changes of the users of %s", run.Held(), c.Desk)
		m.sentences = sentencesOf(run.Holds)
		m.next = []string{
			fmt.Sprintf("The rows among them: usher sync rows %s %s --state held", c.Desk, c.Run),
			fmt.Sprintf("If they are right: usher sync release %s %s --reason \"...\" (an administrator, within %s)", c.Desk, c.Run, access.Duration(access.ReleaseWithin)),
			"If they are wrong, mend the source or the desk: the next run plans anew, and this ticket is closed once a run holds nothing back.",
		}
		m.news = m.newer(c.Run)
	case run.OwnsTooMuch():
		m.ownsTooMuch(run)
	}
	found, err := attendRun(ctx, knownIncidents{a.Ledger, a.Running, a.Started}, m, failing, run.Problem != "")
	return found, translate(err)
}

// ownsTooMuch is a matter of leavers who own more than is handed over without a human.
func (m *matter) ownsTooMuch(run access.SyncRun) {
	m.summary = fmt.Sprintf("usher hands nothing over for %d leavers of %s who own too much", run.HandOver.TooMany, run.Desk)
	m.sentences = []string{"Whoever owns so many records may be the user of a program, or a shared one."}
	m.samples = run.HandOver.Problems[:min(len(run.HandOver.Problems), maxSamples)]
	m.next = []string{
		fmt.Sprintf("The run: usher sync run %s %s", run.Desk, run.ID),
		"If it is such a user, protect it: desks." + string(run.Desk) + ".sync.protected. Else hand the records over on the desk, or raise sync.hand_over.most.",
		"This ticket is closed once a run finds nobody like that, and holds nothing back.",
	}
}
