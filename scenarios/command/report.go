package command

import (
	"context"
	"fmt"
	"path/filepath"

	"picloud/reports"
)

// Report writes the page of a run anew, or compares two runs.
func Report(_ context.Context, args []string) error {
	if len(args) > 0 && args[0] == "diff" {
		return reportDiff(args[1:])
	}
	f := flags("report", `report FOLDER
       picloud report diff [-out FILE] A B

Writes the reports of a run anew from the facts in its folder, without judging it again. With diff, compares two
runs: two seeds, two commits, or a simulated and a live one. What differs is printed, and a page shows both.

Examples:
  picloud report out/pinboard-7
  picloud report diff out/pinboard-7 out/pinboard-8`)
	if err := parse(f, args, 1); err != nil {
		return err
	}
	r, timeline, err := reports.Read(f.Arg(0))
	if err != nil {
		return err
	}
	boards, err := reports.ReadBoards(f.Arg(0))
	if err != nil {
		return err
	}
	if err := reports.Write(f.Arg(0), r, timeline, boards); err != nil {
		return err
	}
	fmt.Printf("report: %s\n", filepath.Join(f.Arg(0), reports.PageFile))
	return nil
}

func reportDiff(args []string) error {
	f := flags("report diff", `report diff [-out FILE] A B

Compares the runs in two folders: verdicts, checks, what clients felt, alerts and faults. What differs is printed,
and a page shows both.

Example:
  picloud report diff out/pinboard-7 out/pinboard-8`)
	out := f.String("out", "", "the page (default B/"+reports.DiffFile+")")
	if err := parse(f, args, 2); err != nil {
		return err
	}
	sides := make([]reports.Side, 2)
	for i := range sides {
		folder := f.Arg(i)
		r, timeline, err := reports.Read(folder)
		if err != nil {
			return err
		}
		sides[i] = reports.Side{Name: folder, Result: r, Timeline: timeline}
	}
	path := *out
	if path == "" {
		path = filepath.Join(f.Arg(1), reports.DiffFile)
	}
	if err := reports.WriteFile(path, []byte(reports.DiffPage(sides[0], sides[1]))); err != nil {
		return err
	}
	fmt.Print(reports.DiffText(sides[0], sides[1]))
	fmt.Printf("\nreport: %s\n", path)
	return nil
}
