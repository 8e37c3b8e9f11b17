package access

// Standing is whether a person belongs to the company, and since when: what runs over the people of the source where people are looked
// up have applied. Its zero value is of somebody whom no run has found gone.
type Standing struct {
	Person PersonID `json:"person"`
	// Absent is true for somebody who has left and is not back.
	Absent bool `json:"absent,omitempty"`
	// Revision is since when, made from the time as LeaseSpec.Revision is; 0 for somebody who has never left. Of two standings of one
	// person the higher counts.
	Revision int `json:"revision,omitempty"`
	// Reason is why somebody is absent, for people; "" otherwise.
	Reason string `json:"reason,omitempty"`
}

// Against returns why access that was asked for with a revision is not granted to the person; "" for no reason. Nothing is granted to
// somebody who is absent, and nothing to somebody who is back that was asked for before.
func (s Standing) Against(revision int) string {
	switch {
	case s.Absent && s.Reason != "":
		return s.Reason
	case s.Absent:
		return "the person has left"
	case revision < s.Revision:
		return "it was asked for before the person came back"
	}
	return ""
}

// SubjectStanding is what the workflow that holds a person's leases is told of the person's standing.
type SubjectStanding struct {
	Standing Standing `json:"standing"`
	// Order are the targets on which the leases of somebody who is absent end first, in their order; those on others end after them.
	Order []TargetName `json:"order,omitempty"`
}

// PersonNotice is what requests that go on are told of a change of a person that a run has applied.
type PersonNotice struct {
	Standing Standing `json:"standing"`
	// Name is how the person is called, and Manager who their manager is by now; "" for none.
	Name    string   `json:"name,omitempty"`
	Manager PersonID `json:"manager,omitempty"`
	// Moved is true when the manager is another one than before.
	Moved bool `json:"moved,omitempty"`
	// Change is when the run began that applied it, in microseconds since 1970. Of two notices of one person the higher counts.
	Change int `json:"change"`
	// Source and Run name that run.
	Source SourceName `json:"source"`
	Run    string     `json:"run"`
}
