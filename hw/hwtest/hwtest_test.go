package hwtest_test

import (
	"testing"

	"picloud/hw"
	"picloud/hw/hwtest"
)

func TestPartsInMemoryKeepTheContract(t *testing.T) {
	for _, m := range hwtest.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			hwtest.PartsContract(t, func(*testing.T) hw.Parts { return m.New() })
		})
	}
}
