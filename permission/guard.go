package permission

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/asof-dev/asof"
)

// Options are what a Guard works with. Issuer is needed.
type Options struct {
	Issuer Issuer
	Secret string       // INTRA_COMMUNICATION_BASE64: Feast's servers know one another by it; "" for none
	Log    *slog.Logger // gets why tokens are refused, and what permissions cannot be read; nil for nowhere
}

// Guard says who calls, and what they may do. It may be used by several
// goroutines. A nil Guard admits everybody and allows everything.
type Guard struct {
	verifier *verifier
	log      *slog.Logger
	logged   atomic.Int64 // when a refusal was last logged, in seconds since 1970

	mu   sync.RWMutex
	sets map[string]known // by project
}

// known are the permissions of one state of a project.
type known struct {
	version string
	set     *Set
}

// New makes a Guard. It does not ask the issuer yet.
func New(o Options) (*Guard, error) {
	p, err := newPublisher(o.Issuer)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &verifier{issuer: o.Issuer, secret: o.Secret, known: map[[32]byte]verified{}}
	v.ring = newKeyring(p, o.Issuer.KeepKeys, o.Log, v.forget)
	return &Guard{verifier: v, log: o.Log, sets: map[string]known{}}, nil
}

// Close ends what is under way with the issuer.
func (g *Guard) Close() error {
	if g != nil {
		g.verifier.ring.close()
	}
	return nil
}

// Ready asks the issuer for its keys, and returns why it does not give them.
func (g *Guard) Ready(ctx context.Context) error {
	_, err := g.verifier.ring.current(ctx)
	return err
}

type callerKey struct{}

// Admit returns a context that knows who sent the header `authorization: Bearer
// TOKEN`. Without a token the error has ErrNoToken in its chain; it is
// asof.CodeUnauthenticated then, and where the token is no good, and
// asof.CodeUnavailable where the issuer is needed to tell and does not answer.
func (g *Guard) Admit(ctx context.Context, authorization string) (context.Context, error) {
	if g == nil {
		return ctx, nil
	}
	user, err := g.user(ctx, authorization)
	if err != nil {
		if now := time.Now().Unix(); g.logged.Swap(now) != now { // once a second says it
			g.log.Warn("a caller was not admitted", "reason", err)
		}
		return nil, err
	}
	return context.WithValue(ctx, callerKey{}, user), nil
}

// AdmitCall is Admit with the metadata of an incoming gRPC call.
func (g *Guard) AdmitCall(ctx context.Context) (context.Context, error) {
	if g == nil {
		return ctx, nil
	}
	var authorization string
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		authorization = values[0]
	}
	return g.Admit(ctx, authorization)
}

func (g *Guard) user(ctx context.Context, authorization string) (*User, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, asof.Errorf(asof.CodeUnauthenticated, "%w: send `authorization: Bearer TOKEN`", ErrNoToken)
	}
	return g.verifier.user(ctx, token)
}

// Caller returns who was admitted, nil where nobody was.
func Caller(ctx context.Context) *User {
	user, _ := ctx.Value(callerKey{}).(*User)
	return user
}

// Check returns nil where the caller of ctx may do all of the actions to each of
// the objects of a snapshot, else an asof.CodeForbidden error. Nobody who was
// not admitted may do anything.
func (g *Guard) Check(ctx context.Context, s *asof.Snapshot, actions Action, objects ...asof.Object) error {
	if g == nil {
		return nil
	}
	set := g.Permissions(s)
	for _, o := range objects {
		if err := CheckIn(ctx, set, Of(o), actions); err != nil {
			return err
		}
	}
	return nil
}

// Permit is Check as a function, for an action; nil for a nil Guard.
func (g *Guard) Permit(action Action) func(context.Context, *asof.Snapshot, ...asof.Object) error {
	if g == nil {
		return nil
	}
	return func(ctx context.Context, s *asof.Snapshot, objects ...asof.Object) error {
		return g.Check(ctx, s, action, objects...)
	}
}

// CheckIn is Check of a resource, by the permissions of its project.
func CheckIn(ctx context.Context, set *Set, r Resource, actions Action) error {
	user := Caller(ctx)
	if user == nil {
		return asof.Errorf(asof.CodeUnauthenticated, "%w: send `authorization: Bearer TOKEN`", ErrNoToken)
	}
	return set.Check(user, r, actions)
}

// AllowsIn reports whether CheckIn would return nil.
func AllowsIn(ctx context.Context, set *Set, r Resource, actions Action) bool {
	user := Caller(ctx)
	return user != nil && set.Allows(user, r, actions)
}

// Permissions returns the permissions of a snapshot, read once for each state of
// its project.
func (g *Guard) Permissions(s *asof.Snapshot) *Set {
	var project string
	if p := s.Project(); p != nil {
		project = p.Name
	}
	g.mu.RLock()
	k, ok := g.sets[project]
	g.mu.RUnlock()
	if ok && k.version == s.Version {
		return k.set
	}
	k = known{s.Version, snapshotSet(s)}
	for _, problem := range k.set.Problems() {
		g.log.Warn(problem, "project", project)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sets[project] = k
	return k.set
}
