package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"usher/internal/access"
)

// ClientCredentials are those of a service account that logs in by OAuth 2.0 (RFC 6749, section 4.4): it gets tokens that
// last for some minutes, and no refresh token, because it can log in again. With a RefreshToken it logs in as whoever that
// was given to instead (section 6).
type ClientCredentials struct {
	ID, Secret string
	// RefreshToken may be replaced by the server: then the new one is used until the process ends, so a server that takes
	// back the old one is not for us.
	RefreshToken string
	// TokenURL is where tokens are given.
	TokenURL string
	// Scopes are asked for; none leaves them to the server.
	Scopes []string
}

const (
	// earliest is how long before its end a token is replaced, or a tenth of its life where that is less.
	earliest = time.Minute
	// youngest is how old a token must be for a 401 to be its fault: before that, another one would be refused as well.
	youngest = time.Minute
)

// OAuthTransport is an http.RoundTripper for a Config's Base that sends every call with a token, and gets a new one before it ends.
// A call that is answered with 401 is made a second time when the token was older than a minute, for a server may end it
// at will: a 401 has done nothing. Safe for concurrent use; many calls that need a token wait for one.
//
// A call without a token is not made, and its error is of that cause: Forbidden when the server refuses the credentials,
// RateLimited when it says so, Transient when it does not answer.
type OAuthTransport struct {
	base   http.RoundTripper
	config ClientCredentials
	client *http.Client
	now    func() time.Time
	// turn has one place: who has put something in may change current.
	turn    chan struct{}
	current token
	refresh string
}

// token is one that was given at a moment; until is zero where it does not end by itself.
type token struct {
	text      string
	at, until time.Time
}

// NewOAuthTransport logs in over base, and sends the calls over it too.
func NewOAuthTransport(base http.RoundTripper, c ClientCredentials) *OAuthTransport {
	return &OAuthTransport{
		base:    base,
		config:  c,
		refresh: c.RefreshToken,
		client: &http.Client{
			Transport: base,
			// Nobody else may be sent the secret.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		now:  time.Now,
		turn: make(chan struct{}, 1),
	}
}

// RoundTrip implements http.RoundTripper.
func (l *OAuthTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	with, err := l.token(r.Context(), "")
	if err == nil {
		err = inTime(r.Context())
	}
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := l.base.RoundTrip(authorized(r, with))
	if err != nil || response.StatusCode != http.StatusUnauthorized || l.now().Sub(with.at) < youngest {
		return response, err
	}
	again, ok := rewound(r)
	if !ok {
		return response, nil
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	with, err = l.token(r.Context(), with.text)
	if err == nil {
		err = inTime(r.Context())
	}
	if err != nil {
		closeBody(again)
		return nil, err
	}
	return l.base.RoundTrip(authorized(again, with))
}

func authorized(r *http.Request, with token) *http.Request {
	out := r.Clone(r.Context())
	out.Header.Set("Authorization", "Bearer "+with.text)
	return out
}

// rewound is the same call once more; false when its body cannot be read again.
func rewound(r *http.Request) (*http.Request, bool) {
	out := r.Clone(r.Context())
	if r.Body == nil || r.Body == http.NoBody {
		return out, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	out.Body = body
	return out, err == nil
}

// token returns a token that is good for a while, and another one than refused.
func (l *OAuthTransport) token(ctx context.Context, refused string) (token, error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return token{}, &transportError{cause: fmt.Errorf("waiting for a token: %w", ctx.Err())}
	}
	defer func() { <-l.turn }()
	if l.current.text != "" && l.current.text != refused && !l.current.ending(l.now()) {
		return l.current, nil
	}
	fresh, err := l.ask(ctx)
	if err != nil {
		return token{}, err
	}
	l.current = fresh
	return fresh, nil
}

func (t token) ending(now time.Time) bool {
	if t.until.IsZero() {
		return false
	}
	return now.After(t.until.Add(-min(earliest, t.until.Sub(t.at)/10)))
}

func (l *OAuthTransport) ask(ctx context.Context) (token, error) {
	given, err := l.given(context.WithValue(untraced{ctx}, oauth2.HTTPClient, l.client))
	if err != nil {
		return token{}, l.refused(err)
	}
	fresh := token{text: given.AccessToken, at: l.now()}
	if !given.Expiry.IsZero() {
		fresh.until = fresh.at.Add(time.Until(given.Expiry))
	}
	return fresh, nil
}

// given is a token that the server gives for the credentials.
func (l *OAuthTransport) given(ctx context.Context) (*oauth2.Token, error) {
	c := l.config
	if c.RefreshToken == "" {
		own := clientcredentials.Config{ClientID: c.ID, ClientSecret: c.Secret, TokenURL: c.TokenURL, Scopes: c.Scopes}
		return own.Token(ctx)
	}
	delegated := oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL}}
	given, err := delegated.TokenSource(ctx, &oauth2.Token{RefreshToken: l.refresh}).Token()
	if err == nil && given.RefreshToken != "" {
		l.refresh = given.RefreshToken
	}
	return given, err
}

// untraced is a context without the values of the call that a token is for: its trace must not take the log-in for the
// call.
type untraced struct{ context.Context }

// Value implements context.Context.
func (untraced) Value(any) any { return nil }

// refused returns why there is no token. The library's own text would quote the whole answer.
func (l *OAuthTransport) refused(err error) error {
	answer, answered := errors.AsType[*oauth2.RetrieveError](err)
	if !answered || answer.Response == nil {
		return &transportError{cause: fmt.Errorf("log in with client_id and client_secret at %s: %w", l.config.TokenURL, err)}
	}
	status, header := answer.Response.StatusCode, answer.Response.Header
	trip := &transportError{kind: access.Forbidden, retry: RetryAfter(header, l.now()), cause: fmt.Errorf(
		"log in with client_id and client_secret at %s: %w", l.config.TokenURL, &StatusError{Status: status, Text: said(answer)})}
	if kind := Classify(Read, status, header); kind == access.Transient || kind == access.RateLimited {
		trip.kind = kind
	}
	return trip
}

// said is RFC 6749's error and its description; "" for an answer of another shape.
func said(e *oauth2.RetrieveError) string {
	if e.ErrorDescription == "" {
		return e.ErrorCode
	}
	return e.ErrorCode + ", " + e.ErrorDescription
}
