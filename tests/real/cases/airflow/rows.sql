-- alice's password is 'correct-horse'
INSERT INTO ab_user (first_name, last_name, username, password, active, email)
VALUES ('Alice', 'Adams', 'alice', 'scrypt:32768:8:1$fRv6IkNMuby5RvKG$6df3cc4458baf2ef466cb10c78d5c647f9e099f76b79f6fd84b4780078e56af18ca0d4333c3d700390ab65251ccb05b005a3d146b9ef2995758d84574f816a4a', true, 'alice@example.com');
INSERT INTO ab_role (name) VALUES ('Admin');
INSERT INTO ab_user_role (user_id, role_id) SELECT u.id, r.id FROM ab_user u, ab_role r;
