-- What concerns all accounts: one row.
create table givlake_budget.server (
    id int primary key check (id = 1),
    version int not null,
    life text not null,
    noticed_at_ms bigint not null,
    hold_until_ms bigint not null
);

-- Room in each page, as a row is updated by every grant.
create table givlake_budget.accounts (
    account text primary key, state text not null, version bigint not null, at_ms bigint not null
)
with (fillfactor = 20)
;

create table givlake_budget.holders (holder text primary key, seen_ms bigint not null);

create table givlake_budget.leases (
    account text,
    key text,
    holder text not null,
    id bigint not null,
    expires_ms bigint not null,
    primary key (account, key)
);

create table givlake_budget.minutes (
    account text,
    minute bigint,
    sent bigint not null,
    failed bigint not null,
    rate_limited bigint not null,
    others bigint not null,
    primary key (account, minute)
);

create table givlake_budget.identities (
    token_hash text primary key, account_id text not null, timezone text
);

insert into givlake_budget.server
values (1, 1, '', 0, 0)
;
