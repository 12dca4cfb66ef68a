CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.deliveries (
    id integer NOT NULL,
    message character varying(36) NOT NULL,
    channel text NOT NULL,
    state character varying(16) NOT NULL,
    attempts integer NOT NULL,
    until timestamp with time zone NOT NULL,
    unsure boolean NOT NULL,
    finished timestamp with time zone,
    note text
);
CREATE SEQUENCE public.deliveries_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.deliveries_id_seq OWNED BY public.deliveries.id;
CREATE TABLE public.incident_events (
    id character varying(36) NOT NULL,
    incident character varying(36) NOT NULL,
    at timestamp with time zone NOT NULL,
    who text NOT NULL,
    kind character varying(32) NOT NULL,
    data text NOT NULL,
    once character varying(200),
    project text
);
CREATE TABLE public.maintenance (
    id character varying(36) NOT NULL,
    project text NOT NULL,
    occasion character varying(16) NOT NULL,
    subject text NOT NULL,
    started timestamp with time zone NOT NULL,
    reached boolean NOT NULL,
    report text NOT NULL
);
CREATE TABLE public.maintenance_reminders (
    project text NOT NULL,
    occasion character varying(16) NOT NULL,
    subject text NOT NULL,
    done timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.maintenance_samples (
    id integer NOT NULL,
    project text NOT NULL,
    subject text NOT NULL,
    item character varying(40) NOT NULL,
    name text NOT NULL,
    at timestamp with time zone NOT NULL,
    value double precision NOT NULL
);
CREATE SEQUENCE public.maintenance_samples_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.maintenance_samples_id_seq OWNED BY public.maintenance_samples.id;
CREATE TABLE public.messages (
    id character varying(36) NOT NULL,
    incident character varying(36) NOT NULL,
    kind character varying(16) NOT NULL,
    audience character varying(16) NOT NULL,
    at timestamp with time zone NOT NULL,
    content text NOT NULL,
    key text
);
CREATE TABLE public.runs (
    id character varying(36) NOT NULL,
    started timestamp with time zone NOT NULL,
    finished timestamp with time zone,
    mode character varying(16) NOT NULL,
    playbook text NOT NULL,
    operator text NOT NULL,
    reason text,
    incident character varying(36),
    hosts json NOT NULL,
    version text NOT NULL,
    verdict text,
    exit_code integer,
    touched character varying(16),
    report text
);
CREATE TABLE public.steps (
    id integer NOT NULL,
    run character varying(36) NOT NULL,
    host text NOT NULL,
    "position" integer NOT NULL,
    remedy text NOT NULL,
    params json NOT NULL,
    commands json NOT NULL,
    intended_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    outcome text,
    evidence text
);
CREATE SEQUENCE public.steps_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.steps_id_seq OWNED BY public.steps.id;
CREATE TABLE public.triages (
    id character varying(36) NOT NULL,
    started timestamp with time zone NOT NULL,
    operator text NOT NULL,
    report text NOT NULL,
    project text
);
ALTER TABLE ONLY public.deliveries ALTER COLUMN id SET DEFAULT nextval('public.deliveries_id_seq'::regclass);
ALTER TABLE ONLY public.maintenance_samples ALTER COLUMN id SET DEFAULT nextval('public.maintenance_samples_id_seq'::regclass);
ALTER TABLE ONLY public.steps ALTER COLUMN id SET DEFAULT nextval('public.steps_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0006_reminders');
INSERT INTO public.runs VALUES ('019aaf00-0000-7000-8000-000000000001', '2026-11-23 12:00:00.123456+00', NULL, 'fix', 'app-down', 'ana', NULL, NULL, '["web1"]', '0.1.0', NULL, NULL, NULL, NULL);
SELECT pg_catalog.setval('public.deliveries_id_seq', 1, false);
SELECT pg_catalog.setval('public.maintenance_samples_id_seq', 1, false);
SELECT pg_catalog.setval('public.steps_id_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY public.incident_events
    ADD CONSTRAINT pk_incident_events PRIMARY KEY (id);
ALTER TABLE ONLY public.maintenance
    ADD CONSTRAINT pk_maintenance PRIMARY KEY (id, subject);
ALTER TABLE ONLY public.maintenance_reminders
    ADD CONSTRAINT pk_maintenance_reminders PRIMARY KEY (project, occasion, subject, done);
ALTER TABLE ONLY public.maintenance_samples
    ADD CONSTRAINT pk_maintenance_samples PRIMARY KEY (id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT pk_messages PRIMARY KEY (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (id);
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT pk_steps PRIMARY KEY (id);
ALTER TABLE ONLY public.triages
    ADD CONSTRAINT pk_triages PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT uq_deliveries_message_channel UNIQUE (message, channel);
ALTER TABLE ONLY public.incident_events
    ADD CONSTRAINT uq_incident_events_incident_once UNIQUE (incident, once);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT uq_messages_key UNIQUE (key);
CREATE INDEX ix_deliveries_state_until ON public.deliveries USING btree (state, until);
CREATE INDEX ix_maintenance_project_started ON public.maintenance USING btree (project, started);
CREATE INDEX ix_maintenance_samples_project_subject_item_at ON public.maintenance_samples USING btree (project, subject, item, at);
CREATE INDEX ix_messages_incident ON public.messages USING btree (incident);
CREATE INDEX ix_runs_incident ON public.runs USING btree (incident);
CREATE INDEX ix_runs_started ON public.runs USING btree (started);
CREATE INDEX ix_steps_run ON public.steps USING btree (run);
CREATE INDEX ix_triages_started ON public.triages USING btree (started);
CREATE UNIQUE INDEX uq_steps_open ON public.steps USING btree (run, host, "position") WHERE (finished_at IS NULL);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT fk_deliveries_message_messages FOREIGN KEY (message) REFERENCES public.messages(id);
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT fk_steps_run_runs FOREIGN KEY (run) REFERENCES public.runs(id);
