BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006_reminders');
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	message VARCHAR(36) NOT NULL, 
	channel TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	until DATETIME NOT NULL, 
	unsure BOOLEAN NOT NULL, 
	finished DATETIME, 
	note TEXT, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_deliveries_message_messages FOREIGN KEY(message) REFERENCES messages (id), 
	CONSTRAINT uq_deliveries_message_channel UNIQUE (message, channel)
);
CREATE TABLE incident_events (
	id VARCHAR(36) NOT NULL, 
	incident VARCHAR(36) NOT NULL, 
	at DATETIME NOT NULL, 
	who TEXT NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	data TEXT NOT NULL, 
	once VARCHAR(200), project TEXT, 
	CONSTRAINT pk_incident_events PRIMARY KEY (id), 
	CONSTRAINT uq_incident_events_incident_once UNIQUE (incident, once)
);
CREATE TABLE maintenance (
	id VARCHAR(36) NOT NULL, 
	project TEXT NOT NULL, 
	occasion VARCHAR(16) NOT NULL, 
	subject TEXT NOT NULL, 
	started DATETIME NOT NULL, 
	reached BOOLEAN NOT NULL, 
	report TEXT NOT NULL, 
	CONSTRAINT pk_maintenance PRIMARY KEY (id, subject)
);
CREATE TABLE maintenance_reminders (
	project TEXT NOT NULL, 
	occasion VARCHAR(16) NOT NULL, 
	subject TEXT NOT NULL, 
	done DATETIME NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_maintenance_reminders PRIMARY KEY (project, occasion, subject, done)
);
CREATE TABLE maintenance_samples (
	id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	item VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_maintenance_samples PRIMARY KEY (id)
);
CREATE TABLE messages (
	id VARCHAR(36) NOT NULL, 
	incident VARCHAR(36) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	audience VARCHAR(16) NOT NULL, 
	at DATETIME NOT NULL, 
	content TEXT NOT NULL, 
	"key" TEXT, 
	CONSTRAINT pk_messages PRIMARY KEY (id), 
	CONSTRAINT uq_messages_key UNIQUE ("key")
);
CREATE TABLE runs (
	id VARCHAR(36) NOT NULL, 
	started DATETIME NOT NULL, 
	finished DATETIME, 
	mode VARCHAR(16) NOT NULL, 
	playbook TEXT NOT NULL, 
	operator TEXT NOT NULL, 
	reason TEXT, 
	incident VARCHAR(36), 
	hosts JSON NOT NULL, 
	version TEXT NOT NULL, 
	verdict TEXT, 
	exit_code INTEGER, 
	touched VARCHAR(16), 
	report TEXT, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('019aaf00-0000-7000-8000-000000000001','2026-11-23 12:00:00.123456',NULL,'fix','app-down','ana',NULL,NULL,'["web1"]','0.1.0',NULL,NULL,NULL,NULL);
CREATE TABLE steps (
	id INTEGER NOT NULL, 
	run VARCHAR(36) NOT NULL, 
	host TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	remedy TEXT NOT NULL, 
	params JSON NOT NULL, 
	commands JSON NOT NULL, 
	intended_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	outcome TEXT, 
	evidence TEXT, 
	CONSTRAINT pk_steps PRIMARY KEY (id), 
	CONSTRAINT fk_steps_run_runs FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE triages (
	id VARCHAR(36) NOT NULL, 
	started DATETIME NOT NULL, 
	operator TEXT NOT NULL, 
	report TEXT NOT NULL, project TEXT, 
	CONSTRAINT pk_triages PRIMARY KEY (id)
);
CREATE INDEX ix_runs_started ON runs (started);
CREATE INDEX ix_steps_run ON steps (run);
CREATE UNIQUE INDEX uq_steps_open ON steps (run, host, position) WHERE finished_at IS NULL;
CREATE INDEX ix_triages_started ON triages (started);
CREATE INDEX ix_runs_incident ON runs (incident);
CREATE INDEX ix_messages_incident ON messages (incident);
CREATE INDEX ix_deliveries_state_until ON deliveries (state, until);
CREATE INDEX ix_maintenance_project_started ON maintenance (project, started);
CREATE INDEX ix_maintenance_samples_project_subject_item_at ON maintenance_samples (project, subject, item, at);
COMMIT;
