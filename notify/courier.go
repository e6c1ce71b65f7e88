package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
)

// How often and how long a target is tried.
const (
	mostAttempts   = 5
	attemptTimeout = 10 * time.Second
	longestPause   = 30 * time.Second
)

// letter is what a target is sent.
type letter struct {
	id   string // the same for each attempt
	body []byte // JSON
}

// courier delivers letters.
type courier struct {
	client *http.Client
	pause  time.Duration // before the second attempt
}

func newCourier(pause time.Duration) courier {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	return courier{pause: pause, client: &http.Client{Transport: transport, Timeout: attemptTimeout,
		// A redirect would take headers and signature to an address that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Send tells a target at once, with the attempts of a Notifier, until the
// context ends. The error says why it was not told, and holds no secret.
func Send(ctx context.Context, t Target, e Event) error {
	body, err := e.body(t.Format)
	if err != nil {
		return err
	}
	c := newCourier(500 * time.Millisecond)
	defer c.client.CloseIdleConnections()
	if err := c.deliver(ctx, &t, letter{id: e.ID, body: body}); err != nil {
		return asof.Errorf(asof.CodeUnavailable, "%s was not told: %w", t.Name, err)
	}
	return nil
}

// deliver tries until the letter is taken, or trying again is of no use.
func (c courier) deliver(ctx context.Context, t *Target, l letter) error {
	if t.File != "" {
		return appendLine(t.File, l.body)
	}
	pause := c.pause
	for attempt := 1; ; attempt++ {
		wait, err := c.post(ctx, t, l)
		if err == nil || wait < 0 {
			return err
		}
		if attempt == mostAttempts {
			return fmt.Errorf("%d attempts: %w", attempt, err)
		}
		// Half of the pause is by chance, so that many senders do not come back at once.
		wait = min(max(wait, pause/2+rand.N(pause/2+1)), longestPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("given up after attempt %d: %w", attempt, err)
		}
		pause *= 2
	}
}

// post sends the letter once. Where that fails it returns how long the target
// wants to be left alone, less than zero for ever.
func (c courier) post(ctx context.Context, t *Target, l letter) (time.Duration, error) {
	const never = -1
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(l.body))
	if err != nil {
		return never, errors.New("its address is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "asof")
	for name, value := range t.Headers {
		request.Header.Set(name, value)
	}
	if t.Secret != "" {
		Sign(request.Header, t.Secret, l.id, time.Now(), l.body)
	}
	response, err := c.client.Do(request)
	if err != nil {
		var of *url.Error // which has the address in its text
		if errors.As(err, &of) {
			err = of.Err
		}
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	switch status := response.StatusCode; {
	case status < 300:
		return 0, nil
	case status < 400:
		return never, fmt.Errorf("it answers %s: write the address that it leads to", http.StatusText(status))
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return max(0, time.Duration(min(seconds, 3600))*time.Second), fmt.Errorf("it answers %d %s", status, http.StatusText(status))
	default:
		return never, fmt.Errorf("it answers %d %s", status, http.StatusText(status))
	}
}

// appendLine appends a line to a file, by one write: processes that share the
// file do not mix their lines. A line that a full disk has cut off ends there.
func appendLine(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	text := make([]byte, 0, len(line)+2)
	end := make([]byte, 1)
	if size, err := file.Seek(0, io.SeekEnd); err == nil && size > 0 {
		if _, err := file.ReadAt(end, size-1); err == nil && end[0] != '\n' {
			text = append(text, '\n')
		}
	}
	_, err = file.Write(append(append(text, line...), '\n'))
	return errors.Join(err, file.Close())
}
