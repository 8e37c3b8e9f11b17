package httpapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"usher/internal/access"
)

// webhookReaders is how many bodies of one desk are read at a time. Whoever only knows the desk's name can make usher read a body whose signature
// then proves wrong, so what such bodies take has an end.
const webhookReaders = 8

// deskReaders has a place for each body of a desk that is being read.
type deskReaders map[access.DeskName]chan struct{}

func newDeskReaders(hooks map[access.DeskName]Webhook) deskReaders {
	readers := deskReaders{}
	for desk := range hooks {
		readers[desk] = make(chan struct{}, webhookReaders)
	}
	return readers
}

// enter takes a place, without waiting, and returns how it is given back; false where there is none.
func (d deskReaders) enter(desk access.DeskName) (func(), bool) {
	select {
	case d[desk] <- struct{}{}:
		return func() { <-d[desk] }, true
	default:
		return nil, false
	}
}

// proven lets only webhooks through that the desk has proved to be its own. The body is read when everything but the body has been checked.
func (a *API) proven(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	desk := access.DeskName(ctx.Param("desk"))
	if problem := a.unproven(r, desk); problem != nil {
		problem.write(w, r)
		return
	}
	leave, entered := a.readers.enter(desk)
	if !entered {
		newProblem(kindOf(access.RateLimited), "too many webhooks of this desk at a time").with("Retry-After", "1").write(w, r)
		return
	}
	defer leave()
	body, problem := readBody(w, r, MaxWebhookBody)
	if hook := a.config.Webhooks[desk]; problem == nil && hook.signs() && !hook.signed(r, body) {
		problem = hook.unsigned()
	}
	if problem != nil {
		problem.write(w, r)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(ctx)
}

// unproven is the problem of a webhook before its body is read; nil for none.
func (a *API) unproven(r *http.Request, desk access.DeskName) *Problem {
	hook, known := a.config.Webhooks[desk]
	switch {
	case !known:
		return newProblem(kindNotFound(), fmt.Sprintf("no webhook is configured for a desk %q", desk))
	case hook.Check == CheckJWT && !a.tokens.signed(r.Context(), desk, hook, hook.proof(r)),
		(hook.Check == CheckHeader || hook.Check == CheckQuery) && !same(hook.proof(r), hook.Secret),
		hook.signs() && hook.signature(r) == nil:
		return hook.unsigned()
	}
	return encoded(r)
}

// unsigned is the problem of a webhook without the desk's proof. A challenge belongs to every 401 (RFC 9110); that of a signature has no
// registered name.
func (h Webhook) unsigned() *Problem {
	challenge := `Usher-Webhook realm="usher"`
	if h.Check == CheckJWT {
		challenge = `Bearer realm="usher"`
	}
	return newProblem(kindUnauthenticated(), "the signature does not fit the body and the desk's secret").with("WWW-Authenticate", challenge)
}

// proof returns what shall prove that the desk sent it; "" for nothing.
func (h Webhook) proof(r *http.Request) string {
	if h.Check != CheckQuery {
		return r.Header.Get(h.signatureHeader())
	}
	parameter := h.SecretParameter
	if parameter == "" {
		parameter = "secret"
	}
	return r.URL.Query().Get(parameter)
}

// signs reports whether the desk signs its bodies.
func (h Webhook) signs() bool { return h.Check == "" || h.Check == CheckHMAC }

// signature returns the signature that a call offers; nil for what is none.
func (h Webhook) signature(r *http.Request) []byte {
	method, offered, found := strings.Cut(h.proof(r), "=")
	if !found || method != "sha256" {
		return nil
	}
	signature, err := hex.DecodeString(offered)
	if err != nil || len(signature) != sha256.Size {
		return nil
	}
	return signature
}

// signed reports whether a call's signature is the desk's own of the body. The comparison takes the same time for every wrong answer.
func (h Webhook) signed(r *http.Request, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write(body)
	return hmac.Equal(h.signature(r), mac.Sum(nil))
}

// same compares digests, so that not even the secret's length shows in the time it takes.
func same(offered, secret string) bool {
	a, b := sha256.Sum256([]byte(offered)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
