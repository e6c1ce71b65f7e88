package main

import (
	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
)

// engines are the technologies of this binary, by the roles that they have.
func engines() cli.Engines {
	return cli.Engines{
		Registry: []cli.Engine[asof.Registry]{
			{Names: []string{"file"}, Open: fileRegistry},
			{Names: []string{"sql"}, Open: sqlRegistry},
		},
		Offline: []cli.Engine[asof.OfflineStore]{
			// dask is Feast's name for its file store, and its default.
			{Names: []string{"duckdb", "dask", "file"}, Open: duckdbOffline},
			{Names: []string{"postgres"}, Open: postgresOffline},
		},
		Online: []cli.Engine[asof.OnlineStore]{
			{Names: []string{"sqlite"}, Open: sqliteOnline},
			{Names: []string{"postgres"}, Open: postgresOnline},
			{Names: []string{"redis"}, Open: redisOnline},
		},
		Warehouse: []cli.Engine[asof.Warehouse]{
			{Names: []string{"parquet"}, Open: parquetWarehouse},
			{Names: []string{"postgres"}, Open: postgresWarehouse},
		},
		Ledger: []cli.Engine[asof.Ledger]{
			{Names: []string{"sqlite"}, Open: sqliteLedger},
			{Names: []string{"postgres"}, Open: postgresLedger},
			{Names: []string{"sql"}, Open: sqlLedger},
		},
		Runs: []cli.Engine[asof.RunStore]{
			{Names: []string{"sqlite"}, Open: sqliteRuns},
			{Names: []string{"postgres"}, Open: postgresRuns},
			{Names: []string{"sql"}, Open: sqlRuns},
		},
		Statistics: []cli.Engine[asof.StatisticsStore]{
			{Names: []string{"sqlite"}, Open: sqliteStatistics},
			{Names: []string{"postgres"}, Open: postgresStatistics},
			{Names: []string{"sql"}, Open: sqlStatistics},
		},
		Definitions: []cli.Engine[asof.DefinitionLog]{
			{Names: []string{"sqlite"}, Open: sqliteDefinitions},
			{Names: []string{"postgres"}, Open: postgresDefinitions},
			{Names: []string{"sql"}, Open: sqlDefinitions},
		},
	}
}
