-- The files of every unit, with the digest of their bytes when they were committed: `echomort verify` compares them.
CREATE TABLE artifact_file (
    asset  VARCHAR NOT NULL,
    unit   VARCHAR NOT NULL,
    path   VARCHAR NOT NULL,  -- below the project's home
    sha256 VARCHAR NOT NULL
);
