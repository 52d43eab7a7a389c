INSERT INTO users (id, username) VALUES ('\x5f1b9e6c2d3a4b5c8d7e6f5a4b3c2d1e', 'alice');
INSERT INTO profiles (user_id, name, avatar_url) VALUES ('\x5f1b9e6c2d3a4b5c8d7e6f5a4b3c2d1e', 'Alice', '');
INSERT INTO api_keys (key, description, user_id, owner_id, deleted)
VALUES ('alice-s-key', '', '\x5f1b9e6c2d3a4b5c8d7e6f5a4b3c2d1e', '\x5f1b9e6c2d3a4b5c8d7e6f5a4b3c2d1e', false);
