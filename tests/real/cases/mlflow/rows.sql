-- alice's password is 'correct-horse'
INSERT INTO users (username, password_hash, is_admin) VALUES ('alice', 'scrypt:32768:8:1$NekblKxfwZ7Uuo0Q$c6497efc89f370d8722f80a169a40b9fc5c7543201b3f29c05be9479a37bac1ec896e0806fbdd01d927be8c1b4319d3c62452c2c50d0d79ecc6a4a35d58da52a', false);
