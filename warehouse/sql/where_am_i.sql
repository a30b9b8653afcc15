-- One row: the file that the catalogue was opened as, the folder that its views read, and
-- the folder that it was written for. Views of a copy that would read the original are not
-- readable.
select
    string_agg(path, ' and ') as opened_as,
    {reads_from} as reads_from,
    {folder} as written_for,
    count(*) = 1
    and bool_and(
        case when {is_opened_directly} then path || '.tmp' = {setting} else path = {file} end
    ) as is_readable
from duckdb_databases()
join duckdb_schemas() using (database_name)
where schema_name = {mark}
