package console

import (
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// exportsAtOnce is how many files are put into another format at once.
const exportsAtOnce = 4

var downloadTypes = map[string]string{historical.FormatCSV: "text/csv; charset=utf-8", historical.FormatParquet: "application/vnd.apache.parquet"}

// download hands out the rows of a training set. Which file that is says its
// receipt, never the request.
func download(c *Console, w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	found, err := c.set(ctx, r)
	if err != nil {
		return err
	}
	if err := c.o.Training.Readable(ctx, found.Receipt); err != nil {
		return err
	}
	format := strings.ToLower(r.URL.Query().Get("as"))
	kind, ok := downloadTypes[format]
	if !ok {
		return asof.Errorf(asof.CodeInvalid, "as is %.60q; write as=csv or as=parquet", format)
	}
	h := w.Header()
	start := func() {
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": nameOf(found) + "." + format}))
	}
	if path := c.o.Training.File(found, format); path != "" {
		file, err := os.Open(path)
		if err != nil {
			return asof.Errorf(asof.CodeNotFound, "the file of training set %s cannot be read", found.ID)
		}
		defer file.Close()
		start()
		http.ServeContent(w, r.Request, "", found.Finished, file)
		return nil
	}
	if c.exports.Add(1) > exportsAtOnce {
		c.exports.Add(-1)
		return asof.Errorf(asof.CodeUnavailable, "%d files are being converted, and the server converts no more at once; try again", exportsAtOnce)
	}
	defer c.exports.Add(-1)
	out := &lateWriter{to: w, start: start}
	if err := c.o.Training.Export(ctx, found, format, out); err != nil && out.begun {
		c.o.Log.Error("a download was cut off", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler) // so that half a file is not taken for a whole one
	} else if err != nil {
		return err
	}
	return nil
}

// lateWriter writes a header with the first bytes, so that what fails before can
// be a page.
type lateWriter struct {
	to    io.Writer
	start func()
	begun bool
}

func (w *lateWriter) Write(data []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.start()
	}
	return w.to.Write(data)
}
