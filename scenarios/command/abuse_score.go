package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"picloud/reports"
	"picloud/scenarios/abuse"
)

// dataVariable names the folder where real input is, which the project does not carry.
const dataVariable = "PICLOUD_DATA"

// AbuseScore measures how well spam is told from what people write.
func AbuseScore(ctx context.Context, args []string) error {
	f := flags("abuse-score", `abuse-score [-corpus FILE] [-block PPM] [-least PPM] [-tune | -bogofilter] [-out FILE]

Measures how well the text classifier of abuse protection tells spam from what people write. It learns 30 % of
a labelled corpus, draws its thresholds from nothing else, and judges the rest: what it caught, whom it
hurt, the ideal curve, what a verdict costs, and how it comes back from labels that lie. Which
part a text is in depends on its SHA-256. Fails when more honest texts are blocked, or less spam is caught,
than asked for. Writes FILE, with the same as JSON.

A corpus is lines of a label (ham or spam), a tab and a text; it may be gzipped. Without -corpus it is
sms-spam-collection.tsv.gz in the folder that `+dataVariable+` names; where that is not there either, nothing is measured.
The SMS Spam Collection of the UCI Machine Learning Repository is such a file.

With -tune it cross-validates inside the part that it learns, ten parts in four orders, and does not look at the rest:
whoever changes the classifier tunes it so. With -bogofilter that filter, Debian's package bogofilter, learns and judges the same.

Examples:
  picloud abuse-score -corpus SMSSpamCollection
  picloud abuse-score -corpus comments.tsv -block 1000 -least 700000
  picloud abuse-score -tune`)
	corpus := f.String("corpus", "", "the labelled texts")
	var aim abuse.Aim
	f.IntVar(&aim.BlockPPM, "block", 2000, "of honest texts may be blocked, in parts per million")
	f.IntVar(&aim.LeastPPM, "least", 830_000, "of spam must be caught, in parts per million")
	tune := f.Bool("tune", false, "cross-validate inside what is learned, and judge nothing else")
	rival := f.Bool("bogofilter", false, "let bogofilter learn and judge the same")
	out := f.String("out", filepath.Join("out", "abuse-score.json"), "the file for the result")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if err := aim.Validate(); err != nil {
		return fmt.Errorf("abuse-score: %w", err)
	}
	path := cmp.Or(*corpus, filepath.Join(os.Getenv(dataVariable), "sms-spam-collection.tsv.gz"))
	c, err := abuse.Read(path)
	switch {
	case *corpus == "" && errors.Is(err, fs.ErrNotExist):
		fmt.Printf("abuse-score was skipped: there is no %s, and %s names no folder that has it.\n", path, dataVariable)
		return nil
	case err != nil:
		return fmt.Errorf("abuse-score: %w", err)
	case *tune:
		v, err := abuse.CrossValidate(c, aim)
		if err != nil {
			return err
		}
		fmt.Print(v.Table())
		return nil
	}
	return score(ctx, c, aim, *rival, *out)
}

// score measures, and writes what it has measured.
func score(ctx context.Context, c *abuse.Corpus, aim abuse.Aim, rival bool, out string) error {
	tell("learning and judging")
	r, err := abuse.Measure(c, aim)
	if err == nil && rival {
		r.Rival, err = abuse.Bogofilter(ctx, c)
	}
	tell("")
	if err != nil {
		return err
	}
	fmt.Print(r.Table())
	if r.Rival != nil {
		fmt.Print(r.Rival.Table())
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := reports.WriteFile(out, append(b, '\n')); err != nil {
		return err
	}
	if !r.Reached() {
		return Fail
	}
	return nil
}
