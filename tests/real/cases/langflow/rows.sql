-- alice's password is 'correct-horse'
INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
VALUES ('5f1b9e6c-2d3a-4b5c-8d7e-6f5a4b3c2d1e', 'alice', '$2b$12$TrMFHSEwlXhQ2KL5h5IBQ.O151fH/a8ZhWZLiddiOTBXk/N8vdahm', true, false, now(), now());
