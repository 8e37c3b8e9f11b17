// This program uses usher's API through a client that a public generator has made of the document that usher serves: somebody asks, the approver finds
// it in the inbox and approves, and the help desk takes the access back. The package client is made by the test that builds this.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"apiclient/client"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: apiclient URL REQUEST")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// as names the caller, as a development stack takes it.
func as(person string) client.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Usher-Person", person)
		return nil
	}
}

func run(ctx context.Context, url, id string) error {
	c, err := client.NewClientWithResponses(url)
	if err != nil {
		return err
	}
	submitted, err := c.SubmitRequestWithResponse(ctx, &client.SubmitRequestParams{}, client.SubmitBody{
		Id: &id, Items: []client.SubmitItem{{Entitlement: "wiki/editor"}}, Reason: "to write",
	}, as("ana"))
	if err != nil {
		return err
	}
	if submitted.JSON201 == nil {
		return fmt.Errorf("submit: %s: %s", submitted.Status(), submitted.Body)
	}
	fmt.Println("submitted", id)
	if err := await(ctx, func() (bool, error) { return inInbox(ctx, c, id) }); err != nil {
		return fmt.Errorf("list the inbox: %w", err)
	}
	fmt.Println("in the inbox of mia")
	decided, err := c.DecideRequestWithResponse(ctx, id, &client.DecideRequestParams{}, client.DecisionBody{Verdict: "approve"}, as("mia"))
	if err != nil {
		return err
	}
	if decided.StatusCode() >= http.StatusMultipleChoices {
		return fmt.Errorf("decide: %s: %s", decided.Status(), decided.Body)
	}
	fmt.Println("approved")
	return takeBack(ctx, c, id)
}

func inInbox(ctx context.Context, c *client.ClientWithResponses, id string) (bool, error) {
	inbox, err := c.ListInboxWithResponse(ctx, &client.ListInboxParams{}, as("mia"))
	if err != nil {
		return false, err
	}
	if inbox.JSON200 == nil {
		return false, fmt.Errorf("%s: %s", inbox.Status(), inbox.Body)
	}
	for _, entry := range inbox.JSON200.Entries {
		if entry.Request == id && entry.Requester == "ana" {
			return true, nil
		}
	}
	return false, nil
}

// takeBack waits until the access is there, revokes it, and waits until it is gone.
func takeBack(ctx context.Context, c *client.ClientWithResponses, id string) error {
	lease := ""
	inState := func(state string) func() (bool, error) {
		return func() (bool, error) {
			leases, err := c.ListLeasesWithResponse(ctx, "ana", as("ana"))
			if err != nil {
				return false, err
			}
			if leases.JSON200 == nil {
				return false, fmt.Errorf("%s: %s", leases.Status(), leases.Body)
			}
			for _, one := range leases.JSON200.Leases {
				if one.Lease.Request == id {
					lease = one.Lease.Id
					return string(one.State) == state, nil
				}
			}
			return false, nil
		}
	}
	if err := await(ctx, inState("active")); err != nil {
		return fmt.Errorf("wait for the grant: %w", err)
	}
	fmt.Println("granted", lease)
	revoked, err := c.RevokeLeaseWithResponse(ctx, lease, &client.RevokeLeaseParams{}, client.RevokeLeaseBody{Reason: "to be sure"}, as("hal"))
	if err != nil {
		return err
	}
	if revoked.JSON201 == nil && revoked.JSON202 == nil {
		return fmt.Errorf("revoke: %s: %s", revoked.Status(), revoked.Body)
	}
	if err := await(ctx, inState("ended")); err != nil {
		return fmt.Errorf("wait for the end: %w", err)
	}
	fmt.Println("revoked", lease)
	return nil
}

// await asks until it is so.
func await(ctx context.Context, so func() (bool, error)) error {
	for {
		if done, err := so(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
