import type { Migration } from "../sqlite-file.ts";

/** Wire with the original: its own tables, which it makes the same way. Both programs use the one file. */
export const ESP_0001: Migration = {
  about: "the tables of the original",
  sql: `
    CREATE TABLE IF NOT EXISTS sign_requests (
      id TEXT PRIMARY KEY,
      device_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      status TEXT NOT NULL,
      group_id BLOB,
      payload BLOB NOT NULL,
      canonical_type TEXT NOT NULL DEFAULT '',
      signature_algorithm TEXT NOT NULL DEFAULT '',
      signing_payload TEXT NOT NULL DEFAULT '',
      signing_payload_sha256 TEXT NOT NULL DEFAULT '',
      signature TEXT NOT NULL DEFAULT '',
      publish_result BLOB,
      operation_result BLOB,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS idx_sign_requests_device ON sign_requests (device_id, created_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_devices_state (
      device_id TEXT PRIMARY KEY,
      push_platform TEXT NOT NULL DEFAULT '',
      push_token TEXT NOT NULL DEFAULT '',
      prefs BLOB NOT NULL,
      updated_at_ms INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS esp_idempotency (
      scope TEXT NOT NULL,
      key TEXT NOT NULL,
      request_hash TEXT NOT NULL,
      status_code INTEGER NOT NULL,
      response BLOB NOT NULL,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      PRIMARY KEY (scope, key)
    );
    CREATE TABLE IF NOT EXISTS esp_group_metadata (
      group_id BLOB PRIMARY KEY,
      metadata BLOB NOT NULL,
      updated_at_ms INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS esp_open_invites (
      token_hash TEXT PRIMARY KEY,
      group_id BLOB NOT NULL,
      device_id TEXT NOT NULL DEFAULT '',
      max_uses INTEGER NOT NULL,
      use_count INTEGER NOT NULL DEFAULT 0,
      revoked INTEGER NOT NULL DEFAULT 0,
      bootstrap_peers BLOB,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS esp_open_invite_redemptions (
      token_hash TEXT NOT NULL,
      redeemer_key TEXT NOT NULL,
      pilot_node_id INTEGER NOT NULL,
      entmoot_pubkey TEXT NOT NULL,
      result BLOB,
      redeemed_at_ms INTEGER NOT NULL,
      PRIMARY KEY (token_hash, redeemer_key)
    );
    CREATE TABLE IF NOT EXISTS esp_open_invite_challenges (
      challenge_id TEXT PRIMARY KEY,
      token_hash TEXT NOT NULL,
      group_id BLOB NOT NULL,
      pilot_node_id INTEGER NOT NULL,
      pilot_pubkey TEXT NOT NULL,
      entmoot_pubkey TEXT NOT NULL,
      nonce TEXT NOT NULL,
      signing_payload TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      used_at_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS idx_open_invite_challenges_token_active ON esp_open_invite_challenges (token_hash, used_at_ms, expires_at_ms);
    CREATE INDEX IF NOT EXISTS idx_open_invite_challenges_redeemer ON esp_open_invite_challenges (token_hash, pilot_node_id, pilot_pubkey, entmoot_pubkey, used_at_ms, expires_at_ms);
    CREATE TABLE IF NOT EXISTS esp_fleets (
      fleet_id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      control_group_id BLOB,
      coordinator_node_id INTEGER NOT NULL,
      coordinator_pubkey TEXT NOT NULL,
      coordinator_device_id TEXT NOT NULL DEFAULT '',
      status TEXT NOT NULL DEFAULT 'active',
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      archived_at_ms INTEGER NOT NULL DEFAULT 0,
      deleted_at_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS esp_fleet_members (
      fleet_id TEXT NOT NULL,
      node_id INTEGER NOT NULL,
      entmoot_pubkey TEXT NOT NULL,
      hostname TEXT NOT NULL DEFAULT '',
      role TEXT NOT NULL,
      status TEXT NOT NULL,
      invited_at_ms INTEGER NOT NULL DEFAULT 0,
      accepted_at_ms INTEGER NOT NULL DEFAULT 0,
      removed_at_ms INTEGER NOT NULL DEFAULT 0,
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (fleet_id, node_id)
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_members_status ON esp_fleet_members (fleet_id, status, role, node_id);
    CREATE TABLE IF NOT EXISTS esp_fleet_invites (
      invite_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      node_id INTEGER NOT NULL,
      entmoot_pubkey TEXT NOT NULL,
      hostname TEXT NOT NULL DEFAULT '',
      status TEXT NOT NULL,
      invite BLOB,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_invites_fleet ON esp_fleet_invites (fleet_id, created_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_fleet_activity (
      event_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      type TEXT NOT NULL,
      actor_node_id INTEGER NOT NULL,
      actor_pubkey TEXT NOT NULL,
      subject_node_id INTEGER NOT NULL DEFAULT 0,
      subject_pubkey TEXT NOT NULL DEFAULT '',
      summary TEXT NOT NULL DEFAULT '',
      metadata BLOB,
      created_at_ms INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_activity_fleet_time ON esp_fleet_activity (fleet_id, created_at_ms DESC, event_id);
    CREATE TABLE IF NOT EXISTS esp_fleet_tasks (
      task_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      title TEXT NOT NULL,
      description TEXT NOT NULL DEFAULT '',
      mode TEXT NOT NULL,
      status TEXT NOT NULL,
      creator_node_id INTEGER NOT NULL,
      creator_pubkey TEXT NOT NULL,
      assignee_node_id INTEGER NOT NULL DEFAULT 0,
      assignee_pubkey TEXT NOT NULL DEFAULT '',
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      completed_at_ms INTEGER NOT NULL DEFAULT 0,
      rejected_at_ms INTEGER NOT NULL DEFAULT 0,
      canceled_at_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_tasks_fleet_status ON esp_fleet_tasks (fleet_id, status, updated_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_fleet_task_submissions (
      submission_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      task_id TEXT NOT NULL,
      author_node_id INTEGER NOT NULL,
      author_pubkey TEXT NOT NULL,
      content TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_task_submissions_task ON esp_fleet_task_submissions (fleet_id, task_id, created_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_fleet_commands (
      command_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      issuer_node_id INTEGER NOT NULL,
      target BLOB NOT NULL,
      action TEXT NOT NULL,
      args BLOB,
      auto_accept INTEGER NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL DEFAULT 0,
      command BLOB NOT NULL,
      updated_at_ms INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_commands_fleet_time ON esp_fleet_commands (fleet_id, updated_at_ms DESC, command_id);
    CREATE INDEX IF NOT EXISTS idx_fleet_commands_fleet_action ON esp_fleet_commands (fleet_id, action, updated_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_fleet_command_results (
      command_id TEXT NOT NULL,
      fleet_id TEXT NOT NULL,
      agent_node_id INTEGER NOT NULL,
      action TEXT NOT NULL,
      status TEXT NOT NULL,
      summary TEXT NOT NULL DEFAULT '',
      output TEXT NOT NULL DEFAULT '',
      started_at_ms INTEGER NOT NULL DEFAULT 0,
      completed_at_ms INTEGER NOT NULL DEFAULT 0,
      result BLOB NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (command_id, agent_node_id)
    );
    CREATE INDEX IF NOT EXISTS idx_fleet_command_results_fleet_command ON esp_fleet_command_results (fleet_id, command_id, updated_at_ms DESC);
    CREATE TABLE IF NOT EXISTS esp_agent_commands (
      command_id TEXT PRIMARY KEY,
      fleet_id TEXT NOT NULL,
      control_group_id BLOB NOT NULL,
      issuer_node_id INTEGER NOT NULL,
      agent_node_id INTEGER NOT NULL,
      action TEXT NOT NULL,
      target BLOB NOT NULL,
      instruction TEXT NOT NULL,
      context BLOB,
      args BLOB,
      command BLOB NOT NULL,
      payload BLOB NOT NULL,
      status TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      lease_owner TEXT NOT NULL DEFAULT '',
      lease_until_ms INTEGER NOT NULL DEFAULT 0,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL DEFAULT 0,
      received_at_ms INTEGER NOT NULL,
      started_at_ms INTEGER NOT NULL DEFAULT 0,
      completed_at_ms INTEGER NOT NULL DEFAULT 0,
      updated_at_ms INTEGER NOT NULL,
      result BLOB,
      last_error TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX IF NOT EXISTS idx_agent_commands_status ON esp_agent_commands (status, received_at_ms);
    CREATE INDEX IF NOT EXISTS idx_agent_commands_lease ON esp_agent_commands (status, lease_until_ms);
    CREATE TABLE IF NOT EXISTS esp_live_agent_configs (
      group_id BLOB NOT NULL,
      node_id INTEGER NOT NULL,
      enabled INTEGER NOT NULL,
      mode TEXT NOT NULL,
      topic_filters BLOB NOT NULL,
      allowed_actions BLOB NOT NULL,
      max_actions_per_scan INTEGER NOT NULL DEFAULT 0,
      max_action_bytes INTEGER NOT NULL DEFAULT 0,
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, node_id)
    );
    CREATE INDEX IF NOT EXISTS idx_live_agent_configs_group ON esp_live_agent_configs (group_id, enabled, node_id);
    CREATE TABLE IF NOT EXISTS esp_live_agent_presence (
      group_id BLOB NOT NULL,
      node_id INTEGER NOT NULL,
      status TEXT NOT NULL,
      mode TEXT NOT NULL,
      topic_filters BLOB NOT NULL,
      last_seen_at_ms INTEGER NOT NULL,
      lease_until_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, node_id)
    );
    CREATE INDEX IF NOT EXISTS idx_live_agent_presence_group ON esp_live_agent_presence (group_id, lease_until_ms, node_id);
    CREATE TABLE IF NOT EXISTS esp_live_agent_cursors (
      group_id BLOB NOT NULL,
      node_id INTEGER NOT NULL,
      scan_floor_at_ms INTEGER NOT NULL DEFAULT 0,
      last_seen_at_ms INTEGER NOT NULL,
      last_seen_author_node_id INTEGER NOT NULL DEFAULT 0,
      last_seen_message_id BLOB NOT NULL DEFAULT x'',
      seen_message_ids BLOB NOT NULL DEFAULT '[]',
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, node_id)
    );
    CREATE TABLE IF NOT EXISTS esp_public_moots (
      group_id BLOB PRIMARY KEY,
      founder_pubkey TEXT NOT NULL DEFAULT '',
      descriptor BLOB,
      descriptor_updated_at_ms INTEGER NOT NULL DEFAULT 0,
      status TEXT NOT NULL,
      indexed_at_ms INTEGER NOT NULL,
      status_updated_at_ms INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS idx_public_moots_status_updated ON esp_public_moots (status, descriptor_updated_at_ms DESC);
    CREATE INDEX IF NOT EXISTS idx_public_moots_founder_status ON esp_public_moots (founder_pubkey, status);
    CREATE TABLE IF NOT EXISTS esp_node_profiles (
      node_id INTEGER PRIMARY KEY,
      hostname TEXT NOT NULL,
      source TEXT NOT NULL,
      confidence INTEGER NOT NULL,
      observed_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL DEFAULT 0,
      source_group_id BLOB,
      entmoot_pubkey TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX IF NOT EXISTS idx_node_profiles_expires ON esp_node_profiles (expires_at_ms);
  `,
};
