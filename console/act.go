package console

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// action changes something. It is asked for twice: the form, if it has inputs,
// and then a page that says what will happen, whose button does it. Its record
// is entered before it is done.
type action struct {
	path   string        // a pattern of http.ServeMux
	name   string        // the record has it; its name for people is the text "act.NAME"
	menu   string        // the entry of the menu that it belongs to
	most   int64         // bytes of its form; 0: mostForm
	within time.Duration // what doing it may take; 0: as any page
	always bool          // it can be done too where nothing is registered: request.view is nil then

	// may returns why the caller may not do it.
	may func(context.Context, *Console, *request) error
	// ask makes the question out of r.form: all inputs with their values, and
	// what will happen. A question with an error is a mistake in the inputs; an
	// error alone is one of the address. It changes nothing.
	ask func(context.Context, *Console, *request) (*question, error)
	// do does what the question says.
	do func(context.Context, *Console, *request, *question) (done, error)
}

// done is what became of an action.
type done struct {
	to      string // the page to go on with
	said    string // what that page says, once
	outcome string // what the record says: "run 20240201T060000Z-1a2b3c4d"
}

const mostForm = 64 << 10

// act answers an action's form, its question, and does it.
func (c *Console) act(w http.ResponseWriter, r *http.Request, a action) {
	v, err := c.view(r.Context())
	if err != nil && !(a.always && errors.Is(err, errUndefined)) {
		c.fail(w, r, err)
		return
	}
	req := &request{Request: r, view: v, lang: c.languageOf(w, r), form: r.URL.Query()}
	if r.Method == http.MethodPost {
		req.form = r.PostForm
	}
	q, err := c.asked(req, a)
	if q == nil {
		c.fail(w, r, err)
		return
	}
	q.Path, q.Token = r.URL.Path, c.protect.token(w, r)
	again, sure := r.Method != http.MethodPost || req.value("sure") == "no", req.value("sure") == "yes"
	switch {
	case again && len(q.Inputs) > 0: // a form that nobody has filled in has no mistakes
		c.question(w, r, a, q, nil)
	case err != nil || again || !sure:
		q.Sure = err == nil
		c.question(w, r, a, q, err)
	default:
		c.carryOut(w, req, a, q)
	}
}

// asked returns the question of an action that the caller may do.
func (c *Console) asked(r *request, a action) (*question, error) {
	if c.o.Runs == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "this console keeps no record of actions, and takes none")
	}
	if err := c.protect.admits(r.Request); err != nil {
		return nil, err
	}
	if err := a.may(r.Context(), c, r); err != nil {
		return nil, err
	}
	if err := plainForm(r.form); err != nil {
		return nil, err
	}
	q, err := a.ask(r.Context(), c, r)
	if q != nil && err == nil {
		err = q.fits()
	}
	return q, err
}

// question answers with the page of a question. A mistake is a sentence on it.
func (c *Console) question(w http.ResponseWriter, r *http.Request, a action, q *question, mistake error) {
	status := http.StatusOK
	if mistake != nil {
		var known bool
		if status, known = statuses[asof.ErrorCode(mistake)]; !known {
			c.fail(w, r, mistake)
			return
		}
		q.Mistake = mistake.Error()
	}
	c.answer(w, r, status, route{name: "action", menu: a.menu}, q)
}

// carryOut does an action between the two halves of its record, and leads to the
// page that shows what it did. A browser that goes away ends nothing half-way.
func (c *Console) carryOut(w http.ResponseWriter, r *request, a action, q *question) {
	within := cmp.Or(a.within, c.o.Timeout)
	if a.within > 0 { // longer than the server lets others take
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within + 10*time.Second))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), within)
	defer cancel()
	log, err := c.o.Runs(ctx)
	if err != nil {
		c.question(w, r.Request, a, q, err)
		return
	}
	record := asof.Action{Project: c.o.Project, What: a.name, On: q.On, Details: q.details()}
	record.Who, record.From = c.who(r.Request)
	if record, err = log.BeginAction(ctx, record, asof.MostActions); err != nil {
		c.question(w, r.Request, a, q, err)
		return
	}
	did, err := a.do(ctx, c, r, q)
	failed := ""
	if err != nil {
		failed = err.Error()
	}
	ending, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer end()
	if unkept := log.EndAction(ending, record.Seq, did.outcome, failed); unkept != nil {
		c.o.Log.Error("what became of an action is not in its record", "action", a.name, "on", q.On, "who", record.Who, "outcome", did.outcome, "failed", failed, "error", unkept)
	}
	if err != nil {
		q.Sure = len(q.Inputs) == 0
		c.question(w, r.Request, a, q, err)
		return
	}
	c.protect.say(w, r.Request, did.said)
	w.Header().Set("Location", c.o.RootPath+did.to)
	w.WriteHeader(http.StatusSeeOther)
}

// who returns who sent a request, and from where.
func (c *Console) who(r *http.Request) (who, from string) {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	caller := permission.Caller(r.Context())
	switch {
	case caller == nil:
		return c.o.User, from
	case caller.Server:
		return "a server of the project", from
	}
	if one := signedIn(r.Context()); one != nil {
		return one.Name, from
	}
	return caller.Name, from
}

// updateProject is the permission that the pipelines' HTTP API asks too.
func updateProject(ctx context.Context, c *Console, _ *request) error {
	return c.may(ctx, permission.Update)
}

// acts reports whether the caller may do what updateProject asks for, so that
// pages offer no button that is refused.
func (c *Console) acts(r *request) bool {
	return c.o.Runs != nil && c.protect.admits(r.Request) == nil && c.may(r.Context(), permission.Update) == nil
}

// bounds returns how many bytes a request may send, and how long it may take; 0
// is as long as somebody reads.
func (c *Console) bounds(r *http.Request) (most int64, within time.Duration) {
	_, pattern := c.mux.Handler(r)
	for _, a := range actions {
		if pattern == "POST "+a.path {
			return cmp.Or(a.most, mostForm), max(a.within, c.o.Timeout)
		}
	}
	if strings.HasPrefix(pattern, "GET "+livePath+"/") {
		return mostForm, 0
	}
	for _, s := range streams {
		if pattern == "GET "+s.path {
			return mostForm, 0
		}
	}
	return mostForm, c.o.Timeout
}
