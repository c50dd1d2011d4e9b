"""initial tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this migration."""
    op.create_table(
        "approvalpolicy",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_approvalpolicy")),
    )
    with op.batch_alter_table("approvalpolicy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvalpolicy_state"), ["state"], unique=False)

    op.create_table(
        "auditentry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("chain", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditentry")),
        sa.UniqueConstraint("position", name=op.f("uq_auditentry_position")),
    )
    with op.batch_alter_table("auditentry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auditentry_action"), ["action"], unique=False)

    op.create_table(
        "auditkey",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditkey")),
    )
    op.create_table(
        "baseline",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baseline")),
        sa.UniqueConstraint("name", name=op.f("uq_baseline_name")),
    )
    op.create_table(
        "catalogversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogversion")),
        sa.UniqueConstraint("number", name=op.f("uq_catalogversion_number")),
    )
    op.create_table(
        "changefreeze",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changefreeze")),
        sa.UniqueConstraint("name", name=op.f("uq_changefreeze_name")),
    )
    with op.batch_alter_table("changefreeze", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_changefreeze_end_ms"), ["end_ms"], unique=False)

    op.create_table(
        "channelsender",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "server", name=op.f("pk_channelsender")),
    )
    op.create_table(
        "ci",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("ci_class", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("responsible", sa.String(), nullable=True),
        sa.Column("environment", sa.String(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("criticality", sa.String(), nullable=True),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("announced", sa.Boolean(), nullable=True),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merged_into_id"], ["ci.id"], name=op.f("fk_ci_merged_into_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ci")),
        sa.UniqueConstraint("uid", name=op.f("uq_ci_uid")),
    )
    with op.batch_alter_table("ci", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ci_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ci_name"), ["name"], unique=False)

    op.create_table(
        "ciimport",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.Column("applied_by", sa.String(), nullable=True),
        sa.Column("applied_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ciimport")),
    )
    with op.batch_alter_table("ciimport", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ciimport_created_ms"), ["created_ms"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("route", sa.Integer(), nullable=True),
        sa.Column("routing_version", sa.Integer(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("digest_key", sa.String(), nullable=True),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalate_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalate_after_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalate_to", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("digest_key", "due_ms", name=op.f("uq_delivery_digest_key_due_ms")),
        sa.UniqueConstraint("uid", name=op.f("uq_delivery_uid")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "delivery_escalating",
            ["escalate_ms"],
            unique=False,
            sqlite_where=sa.text("escalate_ms IS NOT NULL"),
            postgresql_where=sa.text("escalate_ms IS NOT NULL"),
        )
        batch_op.create_index(
            "delivery_waiting",
            ["channel", "next_try_ms"],
            unique=False,
            sqlite_where=sa.text("done_ms IS NULL"),
            postgresql_where=sa.text("done_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_delivery_created_ms"), ["created_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_thread"), ["thread"], unique=False)

    op.create_table(
        "devicesite",
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_devicesite")),
    )
    op.create_table(
        "gatelook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gatelook")),
    )
    op.create_table(
        "gatepolicyversion",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_gatepolicyversion")),
    )
    with op.batch_alter_table("gatepolicyversion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gatepolicyversion_state"), ["state"], unique=False)

    op.create_table(
        "holding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("path_id", sa.BigInteger(), nullable=False),
        sa.Column("element_id", sa.BigInteger(), nullable=False),
        sa.Column("since_revision", sa.BigInteger(), nullable=False),
        sa.Column("until_revision", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holding")),
    )
    with op.batch_alter_table("holding", schema=None) as batch_op:
        batch_op.create_index(
            "holding_closed",
            ["source_id", "path_id"],
            unique=False,
            sqlite_where=sa.text("until_revision IS NOT NULL"),
            postgresql_where=sa.text("until_revision IS NOT NULL"),
        )
        batch_op.create_index(
            "holding_open",
            ["source_id", "path_id"],
            unique=True,
            sqlite_where=sa.text("until_revision IS NULL"),
            postgresql_where=sa.text("until_revision IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_holding_element_id"), ["element_id"], unique=False)

    op.create_table(
        "integrityrun",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("alive_ms", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("cis", sa.Integer(), nullable=True),
        sa.Column("cis_accurate", sa.Integer(), nullable=True),
        sa.Column("elements", sa.Integer(), nullable=True),
        sa.Column("elements_accurate", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrityrun")),
    )
    with op.batch_alter_table("integrityrun", schema=None) as batch_op:
        batch_op.create_index(
            "integrityrun_open",
            ["lane"],
            unique=True,
            sqlite_where=sa.text("ended_ms IS NULL"),
            postgresql_where=sa.text("ended_ms IS NULL"),
        )

    op.create_table(
        "maintenancewindow",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("selector", sa.JSON(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("reviewed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenancewindow")),
    )
    with op.batch_alter_table("maintenancewindow", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_maintenancewindow_end_ms"), ["end_ms"], unique=False)

    op.create_table(
        "originversion",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("manager", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("architecture", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "manager", "name", "architecture", "version", name=op.f("pk_originversion")),
    )
    op.create_table(
        "path",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_path")),
        sa.UniqueConstraint("text", name=op.f("uq_path_text")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "proposalignore",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("port", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposalignore")),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("criteria", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reverse_plan", sa.String(), nullable=True),
        sa.Column("promotes", sa.String(), nullable=True),
        sa.Column("promote_to", sa.String(), nullable=True),
        sa.Column("promote_set", sa.JSON(), nullable=False),
        sa.Column("promoted", sa.String(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("name", name=op.f("uq_release_name")),
    )
    with op.batch_alter_table("release", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_state"), ["state"], unique=False)

    op.create_table(
        "rfctemplate",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("approver", sa.String(), nullable=True),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("retired_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfctemplate")),
        sa.UniqueConstraint("name", "number", name=op.f("uq_rfctemplate_name_number")),
    )
    with op.batch_alter_table("rfctemplate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfctemplate_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_rfctemplate_state"), ["state"], unique=False)

    op.create_table(
        "routingversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routingversion")),
        sa.UniqueConstraint("number", name=op.f("uq_routingversion_number")),
    )
    op.create_table(
        "servicerulesversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servicerulesversion")),
        sa.UniqueConstraint("number", name=op.f("uq_servicerulesversion_number")),
    )
    op.create_table(
        "sharedevidence",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("machines", sa.Integer(), nullable=False),
        sa.Column("learnt_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sharedevidence")),
    )
    op.create_table(
        "standingrule",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("last_hit_ms", sa.BigInteger(), nullable=True),
        sa.Column("replay", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standingrule")),
        sa.UniqueConstraint("name", "number", name=op.f("uq_standingrule_name_number")),
    )
    with op.batch_alter_table("standingrule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_standingrule_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_standingrule_state"), ["state"], unique=False)

    op.create_table(
        "apitoken",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_apitoken_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apitoken")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_apitoken_secret_hash")),
    )
    with op.batch_alter_table("apitoken", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_apitoken_person_id"), ["person_id"], unique=False)

    op.create_table(
        "attestation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("ci_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_attestation_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
    )
    with op.batch_alter_table("attestation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attestation_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "audithead",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["auditkey.id"], name=op.f("fk_audithead_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audithead")),
    )
    with op.batch_alter_table("audithead", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audithead_position"), ["position"], unique=False)

    op.create_table(
        "baselineversion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("baseline_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("as_of_ms", sa.BigInteger(), nullable=False),
        sa.Column("rule_times", sa.JSON(), nullable=False),
        sa.Column("captured_ci_id", sa.Integer(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("force_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("in_force_ms", sa.BigInteger(), nullable=True),
        sa.Column("retired_ms", sa.BigInteger(), nullable=True),
        sa.Column("taken_from", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["baseline_id"], ["baseline.id"], name=op.f("fk_baselineversion_baseline_id")),
        sa.ForeignKeyConstraint(["captured_ci_id"], ["ci.id"], name=op.f("fk_baselineversion_captured_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baselineversion")),
        sa.UniqueConstraint("baseline_id", "number", name=op.f("uq_baselineversion_baseline_id_number")),
    )
    with op.batch_alter_table("baselineversion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_baselineversion_state"), ["state"], unique=False)

    op.create_table(
        "due",
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_due_ci_id")),
        sa.PrimaryKeyConstraint("ci_id", name=op.f("pk_due")),
    )
    op.create_table(
        "element",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("path_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["path_id"], ["path.id"], name=op.f("fk_element_path_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_element")),
        sa.UniqueConstraint("digest", name=op.f("uq_element_digest")),
    )
    with op.batch_alter_table("element", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_element_path_id"), ["path_id"], unique=False)

    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_finding_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(
            "finding_open",
            ["key"],
            unique=True,
            sqlite_where=sa.text("closed_ms IS NULL"),
            postgresql_where=sa.text("closed_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_finding_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "gatewaiver",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_gatewaiver_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gatewaiver")),
    )
    with op.batch_alter_table("gatewaiver", schema=None) as batch_op:
        batch_op.create_index(
            "gatewaiver_open",
            ["ci_id"],
            unique=True,
            sqlite_where=sa.text("ended_ms IS NULL"),
            postgresql_where=sa.text("ended_ms IS NULL"),
        )

    op.create_table(
        "jointoken",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_jointoken_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jointoken")),
    )
    op.create_table(
        "lifedecision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_lifedecision_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifedecision")),
    )
    with op.batch_alter_table("lifedecision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lifedecision_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "look",
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("talks", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_look_ci_id")),
        sa.PrimaryKeyConstraint("ci_id", name=op.f("pk_look")),
    )
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_look_looked_ms"), ["looked_ms"], unique=False)

    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("front_ci_id", sa.Integer(), nullable=True),
        sa.Column("behind_ci_id", sa.Integer(), nullable=True),
        sa.Column("material", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_material", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["behind_ci_id"], ["ci.id"], name=op.f("fk_proposal_behind_ci_id")),
        sa.ForeignKeyConstraint(["front_ci_id"], ["ci.id"], name=op.f("fk_proposal_front_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("key", name=op.f("uq_proposal_key")),
    )
    with op.batch_alter_table("proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposal_behind_ci_id"), ["behind_ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_proposal_front_ci_id"), ["front_ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_proposal_state"), ["state"], unique=False)

    op.create_table(
        "relation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_ci_id", sa.Integer(), nullable=False),
        sa.Column("to_ci_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["from_ci_id"], ["ci.id"], name=op.f("fk_relation_from_ci_id")),
        sa.ForeignKeyConstraint(["to_ci_id"], ["ci.id"], name=op.f("fk_relation_to_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relation")),
    )
    with op.batch_alter_table("relation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_relation_from_ci_id"), ["from_ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_relation_to_ci_id"), ["to_ci_id"], unique=False)
        batch_op.create_index(
            "relation_open",
            ["from_ci_id", "kind", "to_ci_id"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )

    op.create_table(
        "releasecheck",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("criteria", sa.String(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("cis", sa.Integer(), nullable=False),
        sa.Column("reporting", sa.Integer(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_releasecheck_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releasecheck")),
    )
    with op.batch_alter_table("releasecheck", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_releasecheck_release_id"), ["release_id"], unique=False)

    op.create_table(
        "releasewave",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("planned_start_ms", sa.BigInteger(), nullable=True),
        sa.Column("planned_end_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_releasewave_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releasewave")),
        sa.UniqueConstraint("release_id", "number", name=op.f("uq_releasewave_release_id_number")),
    )
    op.create_table(
        "rfc",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ordered", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("effect_of_not_doing", sa.String(), nullable=False),
        sa.Column("risk", sa.String(), nullable=False),
        sa.Column("risk_level", sa.String(), nullable=False),
        sa.Column("impact", sa.String(), nullable=False),
        sa.Column("benefit", sa.String(), nullable=False),
        sa.Column("cost", sa.String(), nullable=False),
        sa.Column("implementer", sa.String(), nullable=True),
        sa.Column("test_plan", sa.String(), nullable=False),
        sa.Column("back_out_plan", sa.String(), nullable=False),
        sa.Column("planned_start_ms", sa.BigInteger(), nullable=True),
        sa.Column("planned_end_ms", sa.BigInteger(), nullable=True),
        sa.Column("actual_start_ms", sa.BigInteger(), nullable=True),
        sa.Column("actual_end_ms", sa.BigInteger(), nullable=True),
        sa.Column("authorised_ms", sa.BigInteger(), nullable=True),
        sa.Column("approve_by_ms", sa.BigInteger(), nullable=True),
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("external_system", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["standingrule.id"], name=op.f("fk_rfc_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfc")),
        sa.UniqueConstraint("external_system", "external_id", name=op.f("uq_rfc_external_system_external_id")),
        sa.UniqueConstraint("number", name=op.f("uq_rfc_number")),
    )
    with op.batch_alter_table("rfc", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfc_rule_id"), ["rule_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rfc_state"), ["state"], unique=False)

    op.create_table(
        "seenaddress",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_seenaddress_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seenaddress")),
    )
    with op.batch_alter_table("seenaddress", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seenaddress_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_seenaddress_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "seenlink",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("front_ci_id", sa.Integer(), nullable=False),
        sa.Column("behind_ci_id", sa.Integer(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("front_unit", sa.String(), nullable=False),
        sa.Column("behind_unit", sa.String(), nullable=False),
        sa.Column("by_front", sa.Boolean(), nullable=False),
        sa.Column("by_behind", sa.Boolean(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["behind_ci_id"], ["ci.id"], name=op.f("fk_seenlink_behind_ci_id")),
        sa.ForeignKeyConstraint(["front_ci_id"], ["ci.id"], name=op.f("fk_seenlink_front_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seenlink")),
        sa.UniqueConstraint(
            "front_ci_id",
            "behind_ci_id",
            "protocol",
            "port",
            name=op.f("uq_seenlink_front_ci_id_behind_ci_id_protocol_port"),
        ),
    )
    with op.batch_alter_table("seenlink", schema=None) as batch_op:
        batch_op.create_index("seenlink_behind", ["behind_ci_id", "protocol", "port"], unique=False)

    op.create_table(
        "servicemember",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("ci_class", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("ports", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_servicemember_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servicemember")),
        sa.UniqueConstraint("ci_id", "name", name=op.f("uq_servicemember_ci_id_name")),
    )
    with op.batch_alter_table("servicemember", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_servicemember_name"), ["name"], unique=False)

    op.create_table(
        "topologydue",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_topologydue_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topologydue")),
    )
    with op.batch_alter_table("topologydue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_topologydue_since_ms"), ["since_ms"], unique=False)

    op.create_table(
        "topologykey",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_topologykey_ci_id")),
        sa.PrimaryKeyConstraint("key", "ci_id", name=op.f("pk_topologykey")),
    )
    with op.batch_alter_table("topologykey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_topologykey_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "topologylink",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("front_ci_id", sa.Integer(), nullable=False),
        sa.Column("front_port", sa.String(), nullable=False),
        sa.Column("behind_ci_id", sa.Integer(), nullable=False),
        sa.Column("behind_port", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("instead", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["behind_ci_id"], ["ci.id"], name=op.f("fk_topologylink_behind_ci_id")),
        sa.ForeignKeyConstraint(["front_ci_id"], ["ci.id"], name=op.f("fk_topologylink_front_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topologylink")),
    )
    with op.batch_alter_table("topologylink", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_topologylink_behind_ci_id"), ["behind_ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_topologylink_front_ci_id"), ["front_ci_id"], unique=False)
        batch_op.create_index(
            "topologylink_open",
            ["front_ci_id", "front_port", "behind_ci_id", "behind_port"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )

    op.create_table(
        "topologyport",
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("virtual", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_topologyport_ci_id")),
        sa.PrimaryKeyConstraint("ci_id", "name", name=op.f("pk_topologyport")),
    )
    op.create_table(
        "topologysight",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("port", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("far_ci_id", sa.Integer(), nullable=True),
        sa.Column("far_port", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_ms", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("chassis_id", sa.String(), nullable=False),
        sa.Column("port_id", sa.String(), nullable=False),
        sa.Column("port_description", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("chassis_key", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_topologysight_ci_id")),
        sa.ForeignKeyConstraint(["far_ci_id"], ["ci.id"], name=op.f("fk_topologysight_far_ci_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topologysight")),
    )
    with op.batch_alter_table("topologysight", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_topologysight_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_topologysight_far_ci_id"), ["far_ci_id"], unique=False)
        batch_op.create_index(
            "topologysight_address",
            ["address_key"],
            unique=False,
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )
        batch_op.create_index(
            "topologysight_chassis",
            ["chassis_key"],
            unique=False,
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )
        batch_op.create_index(
            "topologysight_name",
            ["name_key"],
            unique=False,
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )

    op.create_table(
        "websession",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_websession_person_id")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_websession")),
    )
    with op.batch_alter_table("websession", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_websession_person_id"), ["person_id"], unique=False)

    op.create_table(
        "attention",
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
        sa.Column("assigned_to", sa.String(), nullable=True),
        sa.Column("assigned_by", sa.String(), nullable=True),
        sa.Column("assigned_ms", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_by", sa.String(), nullable=True),
        sa.Column("snooze_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_attention_finding_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_attention_rfc_id")),
        sa.PrimaryKeyConstraint("thread", name=op.f("pk_attention")),
    )
    with op.batch_alter_table("attention", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attention_assigned_to"), ["assigned_to"], unique=False)

    op.create_table(
        "attentionevent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("ci_ids", sa.JSON(), nullable=False),
        sa.Column("cis", sa.Integer(), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("folded", sa.Integer(), nullable=False),
        sa.Column("once", sa.String(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("window_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("routed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_attentionevent_finding_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_attentionevent_rfc_id")),
        sa.ForeignKeyConstraint(["window_id"], ["maintenancewindow.id"], name=op.f("fk_attentionevent_window_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attentionevent")),
        sa.UniqueConstraint("once", name=op.f("uq_attentionevent_once")),
    )
    with op.batch_alter_table("attentionevent", schema=None) as batch_op:
        batch_op.create_index(
            "attentionevent_held",
            ["window_id"],
            unique=False,
            sqlite_where=sa.text("window_id IS NOT NULL"),
            postgresql_where=sa.text("window_id IS NOT NULL"),
        )
        batch_op.create_index(
            "attentionevent_new",
            ["due_ms"],
            unique=False,
            sqlite_where=sa.text("routed_ms IS NULL"),
            postgresql_where=sa.text("routed_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_attentionevent_at_ms"), ["at_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_attentionevent_rfc_id"), ["rfc_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attentionevent_thread"), ["thread"], unique=False)

    op.create_table(
        "baselineelement",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("path_id", sa.BigInteger(), nullable=False),
        sa.Column("element_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["element_id"], ["element.id"], name=op.f("fk_baselineelement_element_id")),
        sa.ForeignKeyConstraint(["path_id"], ["path.id"], name=op.f("fk_baselineelement_path_id")),
        sa.ForeignKeyConstraint(["version_id"], ["baselineversion.id"], name=op.f("fk_baselineelement_version_id")),
        sa.PrimaryKeyConstraint("version_id", "path_id", name=op.f("pk_baselineelement")),
    )
    op.create_table(
        "driftgroup",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("joinable_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_driftgroup_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_driftgroup")),
    )
    with op.batch_alter_table("driftgroup", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_driftgroup_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_driftgroup_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "emergencyscope",
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("actors", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_emergencyscope_ci_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_emergencyscope_rfc_id")),
        sa.PrimaryKeyConstraint("rfc_id", "ci_id", name=op.f("pk_emergencyscope")),
    )
    with op.batch_alter_table("emergencyscope", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_emergencyscope_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "findingdecision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("void_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_findingdecision_finding_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findingdecision")),
    )
    with op.batch_alter_table("findingdecision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_findingdecision_finding_id"), ["finding_id"], unique=False)

    op.create_table(
        "identitydecision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("other_ci_id", sa.Integer(), nullable=True),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("undone_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_identitydecision_ci_id")),
        sa.ForeignKeyConstraint(["other_ci_id"], ["ci.id"], name=op.f("fk_identitydecision_other_ci_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_identitydecision_rfc_id")),
        sa.ForeignKeyConstraint(
            ["undone_by_id"], ["identitydecision.id"], name=op.f("fk_identitydecision_undone_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identitydecision")),
    )
    with op.batch_alter_table("identitydecision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identitydecision_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_identitydecision_other_ci_id"), ["other_ci_id"], unique=False)

    op.create_table(
        "releaserfc",
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_releaserfc_release_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_releaserfc_rfc_id")),
        sa.PrimaryKeyConstraint("rfc_id", name=op.f("pk_releaserfc")),
    )
    with op.batch_alter_table("releaserfc", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_releaserfc_release_id"), ["release_id"], unique=False)

    op.create_table(
        "releasewaveci",
        sa.Column("wave_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_releasewaveci_ci_id")),
        sa.ForeignKeyConstraint(["wave_id"], ["releasewave.id"], name=op.f("fk_releasewaveci_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "ci_id", name=op.f("pk_releasewaveci")),
    )
    with op.batch_alter_table("releasewaveci", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_releasewaveci_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "rfcapproval",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("void_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfcapproval_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfcapproval")),
    )
    with op.batch_alter_table("rfcapproval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfcapproval_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "rfccomment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfccomment_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfccomment")),
    )
    with op.batch_alter_table("rfccomment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfccomment_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "rfcdecision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfcdecision_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfcdecision")),
    )
    with op.batch_alter_table("rfcdecision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfcdecision_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "rfcdelta",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("predicate", sa.JSON(), nullable=True),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("authorised_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("ci_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_rfcdelta_ci_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfcdelta_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfcdelta")),
        sa.UniqueConstraint("rfc_id", "ci_id", "path", name=op.f("uq_rfcdelta_rfc_id_ci_id_path")),
    )
    with op.batch_alter_table("rfcdelta", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfcdelta_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rfcdelta_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "rfclink",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfclink_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfclink")),
        sa.UniqueConstraint("rfc_id", "kind", "target", name=op.f("uq_rfclink_rfc_id_kind_target")),
    )
    with op.batch_alter_table("rfclink", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rfclink_rfc_id"), ["rfc_id"], unique=False)

    op.create_table(
        "rfcverdict",
        sa.Column("rfc_id", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.String(), nullable=True),
        sa.Column("proposed_ms", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_rfcverdict_rfc_id")),
        sa.PrimaryKeyConstraint("rfc_id", name=op.f("pk_rfcverdict")),
    )
    op.create_table(
        "silentci",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_silentci_ci_id")),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_silentci_finding_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silentci")),
    )
    with op.batch_alter_table("silentci", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_silentci_finding_id"), ["finding_id"], unique=False)
        batch_op.create_index(
            "silentci_open",
            ["ci_id"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )

    op.create_table(
        "snapshot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.Column("release_id", sa.Integer(), nullable=True),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ci_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_snapshot_ci_id")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_snapshot_release_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_snapshot_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("release_id", "ci_id", name=op.f("uq_snapshot_release_id_ci_id")),
        sa.UniqueConstraint("rfc_id", "ci_id", name=op.f("uq_snapshot_rfc_id_ci_id")),
    )
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_snapshot_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "asset",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("serial_key", sa.String(), nullable=False),
        sa.Column("manufacturer", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("rfc_id", sa.Integer(), nullable=True),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_asset_ci_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["identitydecision.id"], name=op.f("fk_asset_decision_id")),
        sa.ForeignKeyConstraint(["rfc_id"], ["rfc.id"], name=op.f("fk_asset_rfc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
    )
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.create_index(
            "asset_open",
            ["ci_id", "serial_key"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_asset_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_serial_key"), ["serial_key"], unique=False)

    op.create_table(
        "deliveryitem",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_deliveryitem_delivery_id")),
        sa.ForeignKeyConstraint(["event_id"], ["attentionevent.id"], name=op.f("fk_deliveryitem_event_id")),
        sa.PrimaryKeyConstraint("delivery_id", "event_id", name=op.f("pk_deliveryitem")),
    )
    with op.batch_alter_table("deliveryitem", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveryitem_event_id"), ["event_id"], unique=False)

    op.create_table(
        "source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hostname", sa.String(), nullable=False),
        sa.Column("agent_version", sa.String(), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("report_digest", sa.LargeBinary(), nullable=True),
        sa.Column("continuation", sa.LargeBinary(), nullable=True),
        sa.Column("past_epochs", sa.JSON(), nullable=False),
        sa.Column("epoch_ms", sa.BigInteger(), nullable=True),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("peers", sa.JSON(), nullable=False),
        sa.Column("check_in_s", sa.Integer(), nullable=False),
        sa.Column("held_epoch", sa.String(), nullable=True),
        sa.Column("held_ms", sa.BigInteger(), nullable=True),
        sa.Column("diverged_ms", sa.BigInteger(), nullable=True),
        sa.Column("skew_ms", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("limitations", sa.JSON(), nullable=False),
        sa.Column("unread", sa.JSON(), nullable=False),
        sa.Column("refused_ms", sa.BigInteger(), nullable=True),
        sa.Column("refused_reason", sa.String(), nullable=True),
        sa.Column("left_ms", sa.BigInteger(), nullable=True),
        sa.Column("left_reason", sa.String(), nullable=True),
        sa.Column("quarantined_ms", sa.BigInteger(), nullable=True),
        sa.Column("quarantine_reason", sa.String(), nullable=True),
        sa.Column("ended_as", sa.String(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_decision_id", sa.Integer(), nullable=True),
        sa.Column("lease_agent_id", sa.Integer(), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ended_decision_id"], ["identitydecision.id"], name=op.f("fk_source_ended_decision_id")
        ),
        sa.ForeignKeyConstraint(["lease_agent_id"], ["source.id"], name=op.f("fk_source_lease_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("uid", name=op.f("uq_source_uid")),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.create_index(
            "source_ended",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_as IS NOT NULL"),
            postgresql_where=sa.text("ended_as IS NOT NULL"),
        )
        batch_op.create_index(
            "source_leased",
            ["lease_agent_id"],
            unique=False,
            sqlite_where=sa.text("lease_agent_id IS NOT NULL"),
            postgresql_where=sa.text("lease_agent_id IS NOT NULL"),
        )

    op.create_table(
        "assessment",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.Column("assessed_ms", sa.BigInteger(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_assessment_ci_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_assessment_source_id")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_assessment")),
    )
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "binding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_binding_ci_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["identitydecision.id"], name=op.f("fk_binding_decision_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_binding_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding")),
    )
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.create_index(
            "binding_open",
            ["source_id"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_binding_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "certificate",
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("revoked_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_certificate_source_id")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificate")),
    )
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_certificate_source_id"), ["source_id"], unique=False)

    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("handed_out_by", sa.String(), nullable=True),
        sa.Column("handed_out_ms", sa.BigInteger(), nullable=True),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("problem_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("read_asked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_device_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint(
            "site", "protocol", "address", "port", "context", name=op.f("uq_device_site_protocol_address_port_context")
        ),
        sa.UniqueConstraint("source_id", name=op.f("uq_device_source_id")),
    )
    op.create_table(
        "devicecaller",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("takes_more", sa.Boolean(), nullable=False),
        sa.Column("credentials", sa.JSON(), nullable=False),
        sa.Column("called_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["source.id"], name=op.f("fk_devicecaller_agent_id")),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_devicecaller")),
    )
    with op.batch_alter_table("devicecaller", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_devicecaller_site"), ["site"], unique=False)

    op.create_table(
        "devicespeaker",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_actor", sa.String(), nullable=True),
        sa.Column("until_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["source.id"], name=op.f("fk_devicespeaker_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devicespeaker")),
    )
    with op.batch_alter_table("devicespeaker", schema=None) as batch_op:
        batch_op.create_index(
            "devicespeaker_open",
            ["agent_id", "site"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )

    op.create_table(
        "filetext",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("withheld", sa.String(), nullable=False),
        sa.Column("redacted", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_filetext_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filetext")),
        sa.UniqueConstraint("source_id", "digest", name=op.f("uq_filetext_source_id_digest")),
    )
    with op.batch_alter_table("filetext", schema=None) as batch_op:
        batch_op.create_index(
            "filetext_shared",
            ["digest"],
            unique=True,
            sqlite_where=sa.text("shared"),
            postgresql_where=sa.text("shared"),
        )

    op.create_table(
        "holder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("peers", sa.JSON(), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("agent_version", sa.String(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("previous_epoch", sa.String(), nullable=False),
        sa.Column("begun_for", sa.String(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("forked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_holder_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder")),
        sa.UniqueConstraint("source_id", "epoch", name=op.f("uq_holder_source_id_epoch")),
    )
    op.create_table(
        "hostevidence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("log", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_hostevidence_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hostevidence")),
        sa.UniqueConstraint("source_id", "digest", name=op.f("uq_hostevidence_source_id_digest")),
    )
    with op.batch_alter_table("hostevidence", schema=None) as batch_op:
        batch_op.create_index("hostevidence_time", ["source_id", "started_ms"], unique=False)

    op.create_table(
        "hosttransaction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("manager", sa.String(), nullable=False),
        sa.Column("command_line", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_hosttransaction_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosttransaction")),
        sa.UniqueConstraint("source_id", "digest", name=op.f("uq_hosttransaction_source_id_digest")),
    )
    with op.batch_alter_table("hosttransaction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hosttransaction_source_id"), ["source_id"], unique=False)

    op.create_table(
        "identityclaim",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_identityclaim_ci_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_identityclaim_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identityclaim")),
    )
    with op.batch_alter_table("identityclaim", schema=None) as batch_op:
        batch_op.create_index("identityclaim_key", ["key", "ci_id"], unique=False)
        batch_op.create_index("identityclaim_source", ["source_id", "kind", "key"], unique=True)
        batch_op.create_index(batch_op.f("ix_identityclaim_ci_id"), ["ci_id"], unique=False)

    op.create_table(
        "identityreview",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("own_ci_id", sa.Integer(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.JSON(), nullable=False),
        sa.Column("others", sa.JSON(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_identityreview_ci_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["identitydecision.id"], name=op.f("fk_identityreview_decision_id")),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_identityreview_finding_id")),
        sa.ForeignKeyConstraint(["own_ci_id"], ["ci.id"], name=op.f("fk_identityreview_own_ci_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_identityreview_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identityreview")),
    )
    with op.batch_alter_table("identityreview", schema=None) as batch_op:
        batch_op.create_index(
            "identityreview_open",
            ["source_id"],
            unique=True,
            sqlite_where=sa.text("closed_ms IS NULL"),
            postgresql_where=sa.text("closed_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_identityreview_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_identityreview_source_id"), ["source_id"], unique=False)

    op.create_table(
        "ownidentity",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("of_source_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("own_as", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("given_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["of_source_id"], ["source.id"], name=op.f("fk_ownidentity_of_source_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_ownidentity_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownidentity")),
        sa.UniqueConstraint("source_id", name=op.f("uq_ownidentity_source_id")),
    )
    with op.batch_alter_table("ownidentity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ownidentity_of_source_id"), ["of_source_id"], unique=False)

    op.create_table(
        "revision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("after_ms", sa.BigInteger(), nullable=True),
        sa.Column("observed_ms", sa.BigInteger(), nullable=False),
        sa.Column("skew_ms", sa.BigInteger(), nullable=False),
        sa.Column("agent_version", sa.String(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("rereading", sa.String(), nullable=False),
        sa.Column("changed_paths", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_revision_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revision_source_id"), ["source_id"], unique=False)

    op.create_table(
        "section",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("applied_schema", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("unreadable", sa.JSON(), nullable=False),
        sa.Column("topic_revision", sa.Integer(), nullable=False),
        sa.Column("observed_ms", sa.BigInteger(), nullable=False),
        sa.Column("stale_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_section_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section")),
        sa.UniqueConstraint("source_id", "name", name=op.f("uq_section_source_id_name")),
    )
    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.create_index(
            "section_muted", ["id"], unique=False, sqlite_where=sa.text("muted"), postgresql_where=sa.text("muted")
        )

    op.create_table(
        "sighting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("system_name", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("engine_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["source.id"], name=op.f("fk_sighting_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
        sa.UniqueConstraint("site", "address", "mac", name=op.f("uq_sighting_site_address_mac")),
    )
    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.create_index("sighting_last", ["site", "last_ms"], unique=False)

    op.create_table(
        "utilizationchunk",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_utilizationchunk_source_id")),
        sa.PrimaryKeyConstraint("source_id", "hour", name=op.f("pk_utilizationchunk")),
    )
    with op.batch_alter_table("utilizationchunk", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_utilizationchunk_hour"), ["hour"], unique=False)

    op.create_table(
        "utilizationfragment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("last_minute", sa.Integer(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_utilizationfragment_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_utilizationfragment")),
    )
    with op.batch_alter_table("utilizationfragment", schema=None) as batch_op:
        batch_op.create_index("utilizationfragment_source_minute", ["source_id", "last_minute"], unique=False)

    op.create_table(
        "utilizationhour",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("histograms", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_utilizationhour_source_id")),
        sa.PrimaryKeyConstraint("source_id", "hour", name=op.f("pk_utilizationhour")),
    )
    with op.batch_alter_table("utilizationhour", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_utilizationhour_hour"), ["hour"], unique=False)

    op.create_table(
        "deviceoffer",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["source.id"], name=op.f("fk_deviceoffer_agent_id")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_deviceoffer_device_id")),
        sa.PrimaryKeyConstraint("device_id", "agent_id", name=op.f("pk_deviceoffer")),
    )
    with op.batch_alter_table("deviceoffer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deviceoffer_agent_id"), ["agent_id"], unique=False)

    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ci_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=True),
        sa.Column("actual", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("after_ms", sa.BigInteger(), nullable=True),
        sa.Column("observed_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("accepted_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("baseline_version_id", sa.Integer(), nullable=True),
        sa.Column("revision_id", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("explained_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["baseline_version_id"], ["baselineversion.id"], name=op.f("fk_drift_baseline_version_id")
        ),
        sa.ForeignKeyConstraint(["ci_id"], ["ci.id"], name=op.f("fk_drift_ci_id")),
        sa.ForeignKeyConstraint(["explained_by_id"], ["rfc.id"], name=op.f("fk_drift_explained_by_id")),
        sa.ForeignKeyConstraint(["group_id"], ["driftgroup.id"], name=op.f("fk_drift_group_id")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_drift_revision_id")),
        sa.ForeignKeyConstraint(["transaction_id"], ["hosttransaction.id"], name=op.f("fk_drift_transaction_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
    )
    with op.batch_alter_table("drift", schema=None) as batch_op:
        batch_op.create_index(
            "drift_open",
            ["ci_id", "path"],
            unique=True,
            sqlite_where=sa.text("closed_ms IS NULL"),
            postgresql_where=sa.text("closed_ms IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_drift_ci_id"), ["ci_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_drift_explained_by_id"), ["explained_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_drift_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_drift_state"), ["state"], unique=False)

    op.create_table(
        "muting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["section_id"], ["section.id"], name=op.f("fk_muting_section_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muting")),
    )
    with op.batch_alter_table("muting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_muting_section_id"), ["section_id"], unique=False)
        batch_op.create_index(
            "muting_open",
            ["section_id"],
            unique=True,
            sqlite_where=sa.text("until_ms IS NULL"),
            postgresql_where=sa.text("until_ms IS NULL"),
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("muting", schema=None) as batch_op:
        batch_op.drop_index(
            "muting_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_muting_section_id"))

    op.drop_table("muting")
    with op.batch_alter_table("drift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_drift_state"))
        batch_op.drop_index(batch_op.f("ix_drift_group_id"))
        batch_op.drop_index(batch_op.f("ix_drift_explained_by_id"))
        batch_op.drop_index(batch_op.f("ix_drift_ci_id"))
        batch_op.drop_index(
            "drift_open", sqlite_where=sa.text("closed_ms IS NULL"), postgresql_where=sa.text("closed_ms IS NULL")
        )

    op.drop_table("drift")
    with op.batch_alter_table("deviceoffer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deviceoffer_agent_id"))

    op.drop_table("deviceoffer")
    with op.batch_alter_table("utilizationhour", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_utilizationhour_hour"))

    op.drop_table("utilizationhour")
    with op.batch_alter_table("utilizationfragment", schema=None) as batch_op:
        batch_op.drop_index("utilizationfragment_source_minute")

    op.drop_table("utilizationfragment")
    with op.batch_alter_table("utilizationchunk", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_utilizationchunk_hour"))

    op.drop_table("utilizationchunk")
    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.drop_index("sighting_last")

    op.drop_table("sighting")
    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.drop_index("section_muted", sqlite_where=sa.text("muted"), postgresql_where=sa.text("muted"))

    op.drop_table("section")
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revision_source_id"))

    op.drop_table("revision")
    with op.batch_alter_table("ownidentity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ownidentity_of_source_id"))

    op.drop_table("ownidentity")
    with op.batch_alter_table("identityreview", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identityreview_source_id"))
        batch_op.drop_index(batch_op.f("ix_identityreview_ci_id"))
        batch_op.drop_index(
            "identityreview_open",
            sqlite_where=sa.text("closed_ms IS NULL"),
            postgresql_where=sa.text("closed_ms IS NULL"),
        )

    op.drop_table("identityreview")
    with op.batch_alter_table("identityclaim", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identityclaim_ci_id"))
        batch_op.drop_index("identityclaim_source")
        batch_op.drop_index("identityclaim_key")

    op.drop_table("identityclaim")
    with op.batch_alter_table("hosttransaction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hosttransaction_source_id"))

    op.drop_table("hosttransaction")
    with op.batch_alter_table("hostevidence", schema=None) as batch_op:
        batch_op.drop_index("hostevidence_time")

    op.drop_table("hostevidence")
    op.drop_table("holder")
    with op.batch_alter_table("filetext", schema=None) as batch_op:
        batch_op.drop_index("filetext_shared", sqlite_where=sa.text("shared"), postgresql_where=sa.text("shared"))

    op.drop_table("filetext")
    with op.batch_alter_table("devicespeaker", schema=None) as batch_op:
        batch_op.drop_index(
            "devicespeaker_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )

    op.drop_table("devicespeaker")
    with op.batch_alter_table("devicecaller", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_devicecaller_site"))

    op.drop_table("devicecaller")
    op.drop_table("device")
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_source_id"))

    op.drop_table("certificate")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_binding_ci_id"))
        batch_op.drop_index(
            "binding_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )

    op.drop_table("binding")
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_ci_id"))

    op.drop_table("assessment")
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_index(
            "source_leased",
            sqlite_where=sa.text("lease_agent_id IS NOT NULL"),
            postgresql_where=sa.text("lease_agent_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "source_ended",
            sqlite_where=sa.text("ended_as IS NOT NULL"),
            postgresql_where=sa.text("ended_as IS NOT NULL"),
        )

    op.drop_table("source")
    with op.batch_alter_table("deliveryitem", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveryitem_event_id"))

    op.drop_table("deliveryitem")
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asset_serial_key"))
        batch_op.drop_index(batch_op.f("ix_asset_ci_id"))
        batch_op.drop_index(
            "asset_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )

    op.drop_table("asset")
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_snapshot_ci_id"))

    op.drop_table("snapshot")
    with op.batch_alter_table("silentci", schema=None) as batch_op:
        batch_op.drop_index(
            "silentci_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_silentci_finding_id"))

    op.drop_table("silentci")
    op.drop_table("rfcverdict")
    with op.batch_alter_table("rfclink", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfclink_rfc_id"))

    op.drop_table("rfclink")
    with op.batch_alter_table("rfcdelta", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfcdelta_rfc_id"))
        batch_op.drop_index(batch_op.f("ix_rfcdelta_ci_id"))

    op.drop_table("rfcdelta")
    with op.batch_alter_table("rfcdecision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfcdecision_rfc_id"))

    op.drop_table("rfcdecision")
    with op.batch_alter_table("rfccomment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfccomment_rfc_id"))

    op.drop_table("rfccomment")
    with op.batch_alter_table("rfcapproval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfcapproval_rfc_id"))

    op.drop_table("rfcapproval")
    with op.batch_alter_table("releasewaveci", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_releasewaveci_ci_id"))

    op.drop_table("releasewaveci")
    with op.batch_alter_table("releaserfc", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_releaserfc_release_id"))

    op.drop_table("releaserfc")
    with op.batch_alter_table("identitydecision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identitydecision_other_ci_id"))
        batch_op.drop_index(batch_op.f("ix_identitydecision_ci_id"))

    op.drop_table("identitydecision")
    with op.batch_alter_table("findingdecision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_findingdecision_finding_id"))

    op.drop_table("findingdecision")
    with op.batch_alter_table("emergencyscope", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_emergencyscope_ci_id"))

    op.drop_table("emergencyscope")
    with op.batch_alter_table("driftgroup", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_driftgroup_rfc_id"))
        batch_op.drop_index(batch_op.f("ix_driftgroup_key"))

    op.drop_table("driftgroup")
    op.drop_table("baselineelement")
    with op.batch_alter_table("attentionevent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attentionevent_thread"))
        batch_op.drop_index(batch_op.f("ix_attentionevent_rfc_id"))
        batch_op.drop_index(batch_op.f("ix_attentionevent_at_ms"))
        batch_op.drop_index(
            "attentionevent_new",
            sqlite_where=sa.text("routed_ms IS NULL"),
            postgresql_where=sa.text("routed_ms IS NULL"),
        )
        batch_op.drop_index(
            "attentionevent_held",
            sqlite_where=sa.text("window_id IS NOT NULL"),
            postgresql_where=sa.text("window_id IS NOT NULL"),
        )

    op.drop_table("attentionevent")
    with op.batch_alter_table("attention", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attention_assigned_to"))

    op.drop_table("attention")
    with op.batch_alter_table("websession", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_websession_person_id"))

    op.drop_table("websession")
    with op.batch_alter_table("topologysight", schema=None) as batch_op:
        batch_op.drop_index(
            "topologysight_name",
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )
        batch_op.drop_index(
            "topologysight_chassis",
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )
        batch_op.drop_index(
            "topologysight_address",
            sqlite_where=sa.text("far_ci_id IS NULL"),
            postgresql_where=sa.text("far_ci_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_topologysight_far_ci_id"))
        batch_op.drop_index(batch_op.f("ix_topologysight_ci_id"))

    op.drop_table("topologysight")
    op.drop_table("topologyport")
    with op.batch_alter_table("topologylink", schema=None) as batch_op:
        batch_op.drop_index(
            "topologylink_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_topologylink_front_ci_id"))
        batch_op.drop_index(batch_op.f("ix_topologylink_behind_ci_id"))

    op.drop_table("topologylink")
    with op.batch_alter_table("topologykey", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_topologykey_ci_id"))

    op.drop_table("topologykey")
    with op.batch_alter_table("topologydue", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_topologydue_since_ms"))

    op.drop_table("topologydue")
    with op.batch_alter_table("servicemember", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_servicemember_name"))

    op.drop_table("servicemember")
    with op.batch_alter_table("seenlink", schema=None) as batch_op:
        batch_op.drop_index("seenlink_behind")

    op.drop_table("seenlink")
    with op.batch_alter_table("seenaddress", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_seenaddress_ci_id"))
        batch_op.drop_index(batch_op.f("ix_seenaddress_address"))

    op.drop_table("seenaddress")
    with op.batch_alter_table("rfc", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfc_state"))
        batch_op.drop_index(batch_op.f("ix_rfc_rule_id"))

    op.drop_table("rfc")
    op.drop_table("releasewave")
    with op.batch_alter_table("releasecheck", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_releasecheck_release_id"))

    op.drop_table("releasecheck")
    with op.batch_alter_table("relation", schema=None) as batch_op:
        batch_op.drop_index(
            "relation_open", sqlite_where=sa.text("until_ms IS NULL"), postgresql_where=sa.text("until_ms IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_relation_to_ci_id"))
        batch_op.drop_index(batch_op.f("ix_relation_from_ci_id"))

    op.drop_table("relation")
    with op.batch_alter_table("proposal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_proposal_state"))
        batch_op.drop_index(batch_op.f("ix_proposal_front_ci_id"))
        batch_op.drop_index(batch_op.f("ix_proposal_behind_ci_id"))

    op.drop_table("proposal")
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_look_looked_ms"))

    op.drop_table("look")
    with op.batch_alter_table("lifedecision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lifedecision_ci_id"))

    op.drop_table("lifedecision")
    op.drop_table("jointoken")
    with op.batch_alter_table("gatewaiver", schema=None) as batch_op:
        batch_op.drop_index(
            "gatewaiver_open", sqlite_where=sa.text("ended_ms IS NULL"), postgresql_where=sa.text("ended_ms IS NULL")
        )

    op.drop_table("gatewaiver")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_finding_ci_id"))
        batch_op.drop_index(
            "finding_open", sqlite_where=sa.text("closed_ms IS NULL"), postgresql_where=sa.text("closed_ms IS NULL")
        )

    op.drop_table("finding")
    with op.batch_alter_table("element", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_element_path_id"))

    op.drop_table("element")
    op.drop_table("due")
    with op.batch_alter_table("baselineversion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_baselineversion_state"))

    op.drop_table("baselineversion")
    with op.batch_alter_table("audithead", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audithead_position"))

    op.drop_table("audithead")
    with op.batch_alter_table("attestation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attestation_ci_id"))

    op.drop_table("attestation")
    with op.batch_alter_table("apitoken", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_apitoken_person_id"))

    op.drop_table("apitoken")
    with op.batch_alter_table("standingrule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_standingrule_state"))
        batch_op.drop_index(batch_op.f("ix_standingrule_name"))

    op.drop_table("standingrule")
    op.drop_table("sharedevidence")
    op.drop_table("servicerulesversion")
    op.drop_table("routingversion")
    with op.batch_alter_table("rfctemplate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rfctemplate_state"))
        batch_op.drop_index(batch_op.f("ix_rfctemplate_name"))

    op.drop_table("rfctemplate")
    with op.batch_alter_table("release", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_release_state"))

    op.drop_table("release")
    op.drop_table("proposalignore")
    op.drop_table("person")
    op.drop_table("path")
    op.drop_table("originversion")
    with op.batch_alter_table("maintenancewindow", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_maintenancewindow_end_ms"))

    op.drop_table("maintenancewindow")
    with op.batch_alter_table("integrityrun", schema=None) as batch_op:
        batch_op.drop_index(
            "integrityrun_open", sqlite_where=sa.text("ended_ms IS NULL"), postgresql_where=sa.text("ended_ms IS NULL")
        )

    op.drop_table("integrityrun")
    with op.batch_alter_table("holding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holding_element_id"))
        batch_op.drop_index(
            "holding_open",
            sqlite_where=sa.text("until_revision IS NULL"),
            postgresql_where=sa.text("until_revision IS NULL"),
        )
        batch_op.drop_index(
            "holding_closed",
            sqlite_where=sa.text("until_revision IS NOT NULL"),
            postgresql_where=sa.text("until_revision IS NOT NULL"),
        )

    op.drop_table("holding")
    with op.batch_alter_table("gatepolicyversion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gatepolicyversion_state"))

    op.drop_table("gatepolicyversion")
    op.drop_table("gatelook")
    op.drop_table("devicesite")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_thread"))
        batch_op.drop_index(batch_op.f("ix_delivery_created_ms"))
        batch_op.drop_index(
            "delivery_waiting", sqlite_where=sa.text("done_ms IS NULL"), postgresql_where=sa.text("done_ms IS NULL")
        )
        batch_op.drop_index(
            "delivery_escalating",
            sqlite_where=sa.text("escalate_ms IS NOT NULL"),
            postgresql_where=sa.text("escalate_ms IS NOT NULL"),
        )

    op.drop_table("delivery")
    with op.batch_alter_table("ciimport", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ciimport_created_ms"))

    op.drop_table("ciimport")
    with op.batch_alter_table("ci", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ci_name"))
        batch_op.drop_index(batch_op.f("ix_ci_merged_into_id"))

    op.drop_table("ci")
    op.drop_table("channelsender")
    with op.batch_alter_table("changefreeze", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_changefreeze_end_ms"))

    op.drop_table("changefreeze")
    op.drop_table("catalogversion")
    op.drop_table("baseline")
    op.drop_table("auditkey")
    with op.batch_alter_table("auditentry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auditentry_action"))

    op.drop_table("auditentry")
    with op.batch_alter_table("approvalpolicy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvalpolicy_state"))

    op.drop_table("approvalpolicy")
