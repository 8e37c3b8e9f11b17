package desk

import (
	"context"

	"usher/internal/access"
)

// Draft is a ticket to be opened.
type Draft struct {
	Marker access.Marker
	// Summary is one line that fits.
	Summary string
	// Body is plain text in paragraphs. The driver makes the desk's markup of it and cuts it; see Tidy and WithTail.
	Body string
	// Fields are the texts for the configured fields, by field id; none is empty.
	Fields map[string]string
	// Fixed are Config.OpeningFields.
	Fixed map[string]any
	// Reporter and Assignee are "" where they are left to the desk.
	Reporter, Assignee access.AccountID
	// Schema is what Driver.Schema returned last.
	Schema *Schema
}

// Refused are the people of a draft because of whom the desk refused it. Without them it may be created.
type Refused struct{ Reporter, Assignee bool }

// CommentDraft is a comment to be added.
type CommentDraft struct {
	// Text is plain. No line of it can pass for a marker.
	Text string
	// Reference are the lines that carry the markers. The driver puts them below the text and never cuts them, unless the desk
	// can keep Markers beside the text.
	Reference string
	Markers   []access.Marker
	// Carried reads the ticket's comments and reports whether those of usher's own account carry all of the markers. It is for
	// a driver that does not know whether the desk shows what it keeps beside a text.
	Carried func(context.Context) (bool, error)
}

// CommentPage is one page of comments.
type CommentPage struct {
	Comments []Comment
	// Next asks for the next page; "" on the last one.
	Next string
}

// PublicPage is one page of comments that whoever asked for access may read.
type PublicPage struct {
	Comments []PublicComment
	// Next asks for the next page; "" on the last one.
	Next string
}

// PublicComment is a comment with what people read of it.
type PublicComment struct {
	access.TicketComment
	// Author is the account that the comment is of. Another one, By, may have edited it since.
	Author access.AccountID
}

// Comment is a comment of a ticket.
type Comment struct {
	By access.AccountID
	// Markers are those that the desk keeps beside the text.
	Markers []access.Marker
	// Lines are those of the text, without markup: a marker line must come as it was sent.
	Lines []string
}
