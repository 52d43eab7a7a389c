--
-- PostgreSQL database dump
--

\restrict QbmPsXgO0QD5bDTtUdrJxRxEmpmuro8zqxbLd4AeZ32yeoXC1iZxGDXyXguMGgJ

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: analysis_status; Type: TYPE; Schema: public; Owner: app_owner
--

CREATE TYPE public.analysis_status AS ENUM (
    'queued',
    'running',
    'done',
    'failed'
);


ALTER TYPE public.analysis_status OWNER TO app_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: analysis; Type: TABLE; Schema: public; Owner: app_owner
--

CREATE TABLE public.analysis (
    id integer NOT NULL,
    user_id integer NOT NULL,
    title character varying(200) NOT NULL,
    status public.analysis_status DEFAULT 'queued'::public.analysis_status NOT NULL,
    row_count integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT ck_analysis_row_count_not_negative CHECK ((row_count >= 0))
);


ALTER TABLE public.analysis OWNER TO app_owner;

--
-- Name: analysis_id_seq; Type: SEQUENCE; Schema: public; Owner: app_owner
--

CREATE SEQUENCE public.analysis_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.analysis_id_seq OWNER TO app_owner;

--
-- Name: analysis_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: app_owner
--

ALTER SEQUENCE public.analysis_id_seq OWNED BY public.analysis.id;


--
-- Name: report; Type: TABLE; Schema: public; Owner: app_owner
--

CREATE TABLE public.report (
    id integer NOT NULL,
    analysis_id integer NOT NULL,
    title character varying(200) NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE public.report OWNER TO app_owner;

--
-- Name: report_id_seq; Type: SEQUENCE; Schema: public; Owner: app_owner
--

CREATE SEQUENCE public.report_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.report_id_seq OWNER TO app_owner;

--
-- Name: report_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: app_owner
--

ALTER SEQUENCE public.report_id_seq OWNED BY public.report.id;


--
-- Name: user; Type: TABLE; Schema: public; Owner: app_owner
--

CREATE TABLE public."user" (
    id integer NOT NULL,
    email character varying(320) NOT NULL,
    hashed_password character varying(255) NOT NULL,
    full_name character varying(200),
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone
);


ALTER TABLE public."user" OWNER TO app_owner;

--
-- Name: TABLE "user"; Type: COMMENT; Schema: public; Owner: app_owner
--

COMMENT ON TABLE public."user" IS 'People who may log in';


--
-- Name: user_id_seq; Type: SEQUENCE; Schema: public; Owner: app_owner
--

CREATE SEQUENCE public.user_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.user_id_seq OWNER TO app_owner;

--
-- Name: user_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: app_owner
--

ALTER SEQUENCE public.user_id_seq OWNED BY public."user".id;


--
-- Name: analysis id; Type: DEFAULT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.analysis ALTER COLUMN id SET DEFAULT nextval('public.analysis_id_seq'::regclass);


--
-- Name: report id; Type: DEFAULT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.report ALTER COLUMN id SET DEFAULT nextval('public.report_id_seq'::regclass);


--
-- Name: user id; Type: DEFAULT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public."user" ALTER COLUMN id SET DEFAULT nextval('public.user_id_seq'::regclass);


--
-- Name: analysis pk_analysis; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.analysis
    ADD CONSTRAINT pk_analysis PRIMARY KEY (id);


--
-- Name: report pk_report; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.report
    ADD CONSTRAINT pk_report PRIMARY KEY (id);


--
-- Name: user pk_user; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public."user"
    ADD CONSTRAINT pk_user PRIMARY KEY (id);


--
-- Name: report uq_report_analysis_id; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.report
    ADD CONSTRAINT uq_report_analysis_id UNIQUE (analysis_id, title);


--
-- Name: user uq_user_email; Type: CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public."user"
    ADD CONSTRAINT uq_user_email UNIQUE (email);


--
-- Name: ix_analysis_unfinished; Type: INDEX; Schema: public; Owner: app_owner
--

CREATE INDEX ix_analysis_unfinished ON public.analysis USING btree (created_at) WHERE (finished_at IS NULL);


--
-- Name: ix_analysis_user_id_created_at; Type: INDEX; Schema: public; Owner: app_owner
--

CREATE INDEX ix_analysis_user_id_created_at ON public.analysis USING btree (user_id, created_at);


--
-- Name: analysis fk_analysis_user_id; Type: FK CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.analysis
    ADD CONSTRAINT fk_analysis_user_id FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: report fk_report_analysis_id; Type: FK CONSTRAINT; Schema: public; Owner: app_owner
--

ALTER TABLE ONLY public.report
    ADD CONSTRAINT fk_report_analysis_id FOREIGN KEY (analysis_id) REFERENCES public.analysis(id) ON DELETE CASCADE;


--
-- Name: TABLE analysis; Type: ACL; Schema: public; Owner: app_owner
--

GRANT SELECT ON TABLE public.analysis TO app_reader;


--
-- Name: TABLE report; Type: ACL; Schema: public; Owner: app_owner
--

GRANT SELECT ON TABLE public.report TO app_reader;


--
-- Name: TABLE "user"; Type: ACL; Schema: public; Owner: app_owner
--

GRANT SELECT ON TABLE public."user" TO app_reader;


--
-- PostgreSQL database dump complete
--

\unrestrict QbmPsXgO0QD5bDTtUdrJxRxEmpmuro8zqxbLd4AeZ32yeoXC1iZxGDXyXguMGgJ

