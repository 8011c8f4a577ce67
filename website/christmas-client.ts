/**
 * A client of the campaign's webhooks, in one file without dependencies: browsers, Node 20 or newer, edge runtimes.
 *
 * Copy it into your project. Every function resolves once Kestra has stored the body, and rejects with a
 * `ChristmasError` that says in words what to do. A repeat is safe: the same body again makes no second plan, row or
 * mail, so what fails on the way is simply sent again. See docs/WEBSITE_INTEGRATION.md.
 */

/** Text; a number is taken as its digits. Null and blank text mean: not known. */
export type Text = string | number | null;
/** A whole number from 0 to 8, or its digits. */
export type Count = number | string;
export type OptionalCount = number | string | null;
/** A number that is not negative, or its digits. */
export type Amount = number | string | null;
/** true or false, or these words. */
export type Flag = boolean | string | null;
export type Texts = Text[] | string | number | null;

export interface Person {
  email: string;
  first_name?: Text;
  last_name?: Text;
  name?: Text;
  business_name?: Text;
}

export interface Signup extends Person {
  source?: Text;
}

export interface Assessment extends Person {
  red_systems: Count;
  orange_systems: Count;
  yellow_systems?: OptionalCount;
  green_systems?: OptionalCount;
  email_1_sent_at?: string | null;
  email_1_status?: string | null;
  assessment_score?: Amount;
  overall_score?: Amount;
  weakest_system_1?: Text;
  weakest_system?: Text;
  weakest_system_2?: Text;
  strongest_system?: Text;
  revenue_leak_total?: Amount;
}

export interface NoShow extends Person {
  calendly_event_id?: Text;
  calendly_event_uri?: Text;
  scheduled_time?: Text;
  event_type?: Text;
  reschedule_url?: string | null;
  time_zone?: Text;
}

export interface PostCall extends Person {
  call_date?: Text;
  interest_level?: Text;
  call_outcome?: Text;
  call_notes?: Text;
  objections?: Texts;
  follow_up_priority?: Text;
}

export interface Onboarding extends Person {
  payment_status?: Text;
  payment_confirmed?: Flag;
  payment_date?: Text;
  payment_amount?: Text;
  package_type?: Text;
  docusign_completed?: Flag;
  portal_url?: string | null;
  diagnostic_call_date?: Text;
  salon_address?: Text;
  start_date?: Text;
  observation_dates?: Texts;
}

type AtLeastOne<T, K extends keyof T> = { [P in K]-?: T & Required<Pick<T, P>> }[K];

/** The body of each flow that takes JSON. */
export interface Bodies {
  "signup-handler": Signup;
  "assessment-handler": Assessment;
  "noshow-recovery-handler": AtLeastOne<NoShow, "calendly_event_id" | "calendly_event_uri" | "scheduled_time">;
  "postcall-maybe-handler": PostCall;
  "onboarding-handler": AtLeastOne<Onboarding, "payment_status" | "payment_confirmed">;
}

export type Flow = keyof Bodies;

export interface ClientOptions {
  /** Kestra's address as the outside reaches it (PUBLIC_URL). On your server, with `keys`. */
  baseUrl?: string;
  /** The webhook keys. They are secrets: keep them on your server. `calendly` is needed for `noShow` alone. */
  keys?: { website?: string; calendly?: string };
  /** In a browser, in place of `baseUrl` and `keys`: a path of your own server. Posts to `{proxy}/{flow}`. */
  proxy?: string;
  /** Set it only if everybody may know the keys: whoever has one can enrol and mail any address. */
  allowKeysInBrowser?: boolean;
  /** How long one attempt may take. Default 10 s. */
  timeoutMs?: number;
  /** How many attempts in all. Default 4. */
  attempts?: number;
  /** Pause before the second attempt; it doubles, up to `maxBackoffMs`. Default 500 ms and 8 s. */
  backoffMs?: number;
  maxBackoffMs?: number;
  /** Called before each repeat. For your log: it holds no key, and no address that can be read. */
  onRetry?: (info: { requestId: string; attempt: number; reason: string; pauseMs: number }) => void;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call early; it rejects with kind "aborted". What Kestra has already stored stays stored. */
  signal?: AbortSignal;
}

export interface Receipt {
  /** The execution at Kestra: what its operator searches for. */
  id: string;
  /**
   * Made from flow and body alone: the same for every repeat of the same call. It travels as the query parameter
   * `request_id` and stands in the execution's trigger. Kestra doesn't compare it: two executions with one id are one
   * call that was repeated, and the second of them finds everything done.
   */
  requestId: string;
  /** 1 unless something went wrong on the way. */
  attempts: number;
}

export interface Unsubscribed {
  /** Whether it worked. False: show the message; a token that is not valid stays so. */
  ok: boolean;
  /** One line for the reader. */
  message: string;
  attempts: number;
}

/**
 * body: something required is missing, nothing was sent. refused: Kestra or the proxy said no, a repeat won't help.
 * unreachable, timeout: given up after all attempts; the last one may have arrived all the same.
 */
export type ErrorKind = "settings" | "body" | "refused" | "unreachable" | "timeout" | "aborted";

export class ChristmasError extends Error {
  override readonly name = "ChristmasError";
  readonly kind: ErrorKind;
  /** Of the last answer, if there was one. */
  readonly status: number | undefined;
  readonly requestId: string;
  readonly attempts: number;

  constructor(kind: ErrorKind, message: string, requestId = "", attempts = 0, status?: number) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.requestId = requestId;
    this.attempts = attempts;
  }
}

export interface ChristmasClient {
  /** A visitor has signed up. Sends and plans nothing. */
  signup(body: Signup, options?: CallOptions): Promise<Receipt>;
  /** A visitor finished the assessment, and your mail #1 is out. Plans #2 to #5. */
  assessment(body: Assessment, options?: CallOptions): Promise<Receipt>;
  /** A contact missed a call, told by your site in place of Calendly. Needs `keys.calendly`. */
  noShow(body: Bodies["noshow-recovery-handler"], options?: CallOptions): Promise<Receipt>;
  /** A contact said "maybe" on a call. */
  postCall(body: PostCall, options?: CallOptions): Promise<Receipt>;
  /** A contact has paid. */
  onboarding(body: Bodies["onboarding-handler"], options?: CallOptions): Promise<Receipt>;
  /** The button of your unsubscribe page, with the `token` of its address. Waits until it is done. */
  unsubscribe(token: string, options?: CallOptions): Promise<Unsubscribed>;
  /** Any of the flows by name: what a proxy on your server needs. */
  send<F extends Flow>(flow: F, body: Bodies[F], options?: CallOptions): Promise<Receipt>;
}

const REQUIRED: { readonly [F in Flow]: { all: readonly string[]; oneOf: readonly string[] } } = {
  "signup-handler": { all: ["email"], oneOf: [] },
  "assessment-handler": { all: ["email", "red_systems", "orange_systems"], oneOf: [] },
  "noshow-recovery-handler": { all: ["email"], oneOf: ["calendly_event_id", "calendly_event_uri", "scheduled_time"] },
  "postcall-maybe-handler": { all: ["email"], oneOf: [] },
  "onboarding-handler": { all: ["email"], oneOf: ["payment_status", "payment_confirmed"] },
};

const WEBHOOKS = "/api/v1/main/executions/webhook/christmas";
const UNSUBSCRIBE_KEY = "one-click";
const DONE = "You are unsubscribed.";
const LONGEST_PAUSE_MS = 30_000;
const UNSUBSCRIBE_TIMEOUT_MS = 60_000;
// Browsers refuse a keepalive body over 64 KiB.
const KEEPALIVE_CHARACTERS = 16_000;
const IN_BROWSER = typeof globalThis === "object" && "document" in globalThis;

/** Makes a client. Throws a `ChristmasError` of kind "settings" if the options can't work. */
export function createChristmasClient(options: ClientOptions): ChristmasClient {
  const { keys = {}, timeoutMs = 10_000, attempts = 4, backoffMs = 500, maxBackoffMs = 8_000, onRetry } = options;
  const doFetch = options.fetch ?? globalThis.fetch;
  const base = (options.proxy ?? options.baseUrl ?? "").replace(/\/+$/, "");
  const hasKeys = Boolean(keys.website || keys.calendly);
  checkOptions(options, hasKeys);

  const inFlight = new Map<string, Promise<Receipt>>();

  function address(flow: Flow | "unsubscribe", key: string | undefined, keyName: string): string {
    if (options.proxy !== undefined) return `${base}/${flow}`;
    if (!key) throw new ChristmasError("settings", `keys.${keyName} is not set: ${flow} needs it.`);
    return `${base}${WEBHOOKS}/${flow}/${encodeURIComponent(key)}`;
  }

  /** Sends until an answer counts, at most `attempts` times. */
  async function deliver(call: Prepared, id: string, signal?: AbortSignal): Promise<Delivered> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await tryOnce(doFetch, call, signal);
      if (outcome.kind === "answer") return { text: outcome.text, status: outcome.status, attempts: attempt };
      const { kind, reason, status } = outcome;
      if (kind === "aborted") throw new ChristmasError("aborted", "The caller has ended the call.", id, attempt);
      if (kind === "refused") throw new ChristmasError("refused", reason, id, attempt, status);
      if (attempt >= attempts) {
        throw new ChristmasError(kind, `${reason} Given up after ${attempt} attempts.`, id, attempt, status);
      }
      // Half of the pause is chance, so that many visitors don't come back in the same moment.
      const growing = Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(growing, outcome.retryAfterMs));
      onRetry?.({ requestId: id, attempt, reason, pauseMs });
      if (!(await pause(pauseMs, signal))) {
        throw new ChristmasError("aborted", "The caller has ended the call.", id, attempt);
      }
    }
  }

  async function post(flow: Flow, text: string, id: string, signal?: AbortSignal): Promise<Receipt> {
    const [key, keyName] = flow === "noshow-recovery-handler" ? [keys.calendly, "calendly"] : [keys.website, "website"];
    const url = `${address(flow, key, keyName)}?request_id=${id}`;
    const done = await deliver({ url, init: init(text, "application/json"), limitMs: timeoutMs }, id, signal);
    const execution = fieldOf(done.text, "id");
    if (!execution) {
      const reason = `The answer ${done.status} holds no execution id: is this address Kestra's or the proxy's?`;
      throw new ChristmasError("refused", reason, id, done.attempts, done.status);
    }
    return { id: execution, requestId: id, attempts: done.attempts };
  }

  async function send<F extends Flow>(flow: F, body: Bodies[F], call: CallOptions = {}): Promise<Receipt> {
    if (!Object.hasOwn(REQUIRED, flow)) throw new ChristmasError("settings", `There is no flow "${flow}".`);
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      throw new ChristmasError("body", "The body must be an object. Nothing was sent.");
    }
    const id = requestId(flow, body);
    const missing = missingIn(flow, body);
    if (missing) throw new ChristmasError("body", `${missing} Nothing was sent.`, id);
    // A call that can be aborted is its own: ending it must not end another's.
    if (call.signal) return post(flow, JSON.stringify(body), id, call.signal);
    const running = inFlight.get(id) ?? post(flow, JSON.stringify(body), id).finally(() => inFlight.delete(id));
    inFlight.set(id, running);
    return running;
  }

  async function unsubscribe(token: string, call: CallOptions = {}): Promise<Unsubscribed> {
    const form = new URLSearchParams({ "List-Unsubscribe": "One-Click", token }).toString();
    const prepared = {
      url: address("unsubscribe", UNSUBSCRIBE_KEY, ""),
      init: init(form, "application/x-www-form-urlencoded"),
      limitMs: Math.max(timeoutMs, UNSUBSCRIBE_TIMEOUT_MS),
      // Kestra answers a token that is not valid with 500 and a line for the reader: a repeat would not help.
      isFinal: (text: string) => fieldOf(text, "answer") !== "",
    };
    const done = await deliver(prepared, "unsubscribe", call.signal);
    const message = fieldOf(done.text, "answer") || done.text.trim();
    return { ok: message.startsWith(DONE), message, attempts: done.attempts };
  }

  return {
    signup: (body, call) => send("signup-handler", body, call),
    assessment: (body, call) => send("assessment-handler", body, call),
    noShow: (body, call) => send("noshow-recovery-handler", body, call),
    postCall: (body, call) => send("postcall-maybe-handler", body, call),
    onboarding: (body, call) => send("onboarding-handler", body, call),
    unsubscribe,
    send,
  };
}

interface Prepared {
  url: string;
  init: RequestInit;
  limitMs: number;
  /** Whether an answer counts whatever its status is. */
  isFinal?: (text: string) => boolean;
}

interface Delivered {
  text: string;
  status: number;
  attempts: number;
}

type Outcome =
  | { kind: "answer"; text: string; status: number }
  | { kind: "refused" | "aborted" | "unreachable" | "timeout"; reason: string; retryAfterMs: number; status?: number };

function checkOptions(options: ClientOptions, hasKeys: boolean): void {
  const fail = (reason: string): never => {
    throw new ChristmasError("settings", reason);
  };
  if ((options.proxy === undefined) === (options.baseUrl === undefined)) {
    fail("Give either baseUrl (on your server) or proxy (in a browser).");
  }
  if (options.baseUrl !== undefined && !/^https?:\/\/[^/?#]/.test(options.baseUrl)) {
    fail("baseUrl must be Kestra's address, such as https://flows.example.org.");
  }
  if (options.proxy !== undefined && hasKeys) fail("With proxy the keys belong to your server: leave them out here.");
  if (hasKeys && IN_BROWSER && !options.allowKeysInBrowser) {
    fail("A webhook key in a page is known to everybody who opens it. Use proxy, or say allowKeysInBrowser.");
  }
}

/** One attempt. Never rejects. */
async function tryOnce(doFetch: typeof fetch, call: Prepared, signal?: AbortSignal): Promise<Outcome> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, call.limitMs);
  signal?.addEventListener("abort", abort);
  try {
    if (signal?.aborted) return { kind: "aborted", reason: "", retryAfterMs: 0 };
    const response = await doFetch(call.url, { ...call.init, signal: controller.signal });
    const text = await response.text();
    return call.isFinal?.(text) ? { kind: "answer", text, status: response.status } : judge(response, text);
  } catch (error) {
    if (signal?.aborted) return { kind: "aborted", reason: "", retryAfterMs: 0 };
    if (controller.signal.aborted) {
      return { kind: "timeout", reason: `No answer within ${call.limitMs} ms.`, retryAfterMs: 0 };
    }
    return { kind: "unreachable", reason: `No connection${codeOf(error)}.`, retryAfterMs: 0 };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function judge(response: Response, text: string): Outcome {
  const { status } = response;
  if (response.ok) return { kind: "answer", text, status };
  const retryAfterMs = retryAfter(response.headers.get("Retry-After"));
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return { kind: "unreachable", reason: `The server answered ${status}.`, retryAfterMs, status };
  }
  const reasons: { readonly [status: number]: string } = {
    0: "The address redirects: use the final one, with https.",
    401: "This address wants a login (401): is it a webhook's?",
    403: "Access is refused (403): is this page's origin WEBSITE_ORIGIN?",
    404: "Kestra knows no such webhook (404): check the key, and that the flow is deployed.",
    413: "The body is too large (413).",
  };
  const redirects = status >= 300 && status < 400;
  const reason = reasons[redirects ? 0 : status] ?? `The server refused the body with ${status}.`;
  return { kind: "refused", reason, retryAfterMs: 0, status };
}

function init(body: string, contentType: string): RequestInit {
  // A page that closes right after the click still gets the body out. A redirected POST would arrive as an empty GET.
  const keepalive = IN_BROWSER && body.length <= KEEPALIVE_CHARACTERS ? { keepalive: true } : {};
  return { method: "POST", headers: { "Content-Type": contentType }, body, redirect: "manual", ...keepalive };
}

/** A text field of a JSON answer; empty if there is none. */
function fieldOf(text: string, name: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    const value = new Map<string, unknown>(Object.entries(answer ?? {})).get(name);
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

function missingIn(flow: Flow, body: object): string {
  const fields = new Map<string, unknown>(Object.entries(body));
  const isGiven = (name: string): boolean => {
    const value = fields.get(name);
    if (typeof value === "string") return value.trim() !== "";
    return value !== undefined && value !== null && value !== false && !Number.isNaN(value);
  };
  const { all, oneOf } = REQUIRED[flow];
  const absent = all.filter((name) => !isGiven(name));
  if (absent.length > 0) return `Missing: ${absent.join(", ")}.`;
  return oneOf.length > 0 && !oneOf.some(isGiven) ? `Missing: one of ${oneOf.join(", ")}.` : "";
}

function retryAfter(header: string | null): number {
  if (!header) return 0;
  const seconds = Number(header);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
}

/** Node's reason, such as ECONNREFUSED. Messages are left out: they may quote the address, and so the key. */
function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code: unknown = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "";
  return typeof code === "string" && code ? ` (${code})` : "";
}

/** Resolves to false if the signal ended the pause. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve(true);
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** FNV-1a over flow and body, twice with other seeds: 64 bits tell calls apart. It is no secret and proves nothing. */
function requestId(flow: Flow, body: object): string {
  const text = `${flow}\n${JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
  const hash = (seed: number): string => {
    let value = seed;
    for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
    return (value >>> 0).toString(16).padStart(8, "0");
  };
  return `${flow}-${hash(0x811c9dc5)}${hash(0x9e3779b9)}`;
}
