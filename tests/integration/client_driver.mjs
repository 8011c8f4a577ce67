// Runs calls of the compiled client. Reads {client, options, calls, parallel, browser} from standard input as JSON, and
// prints {outcomes, retries, requests}, and each retry at once to standard error. With `browser` it pretends to be a page, and notes what fetch is given.
import { text } from "node:stream/consumers";

const spec = JSON.parse(await text(process.stdin));
const requests = [];
const retries = [];
const onRetry = (retry) => {
  retries.push(retry);
  console.error(retry.reason);
};
const options = { ...spec.options, onRetry };
if (spec.browser) {
  globalThis.document = {};
  options.fetch = async (url, init) => {
    requests.push({ url, ...init, signal: undefined });
    return new Response(JSON.stringify({ id: "execution-of-a-proxy" }));
  };
}

const described = (error) => ({
  error: { name: error.name, kind: error.kind, message: error.message, status: error.status, attempts: error.attempts },
});

async function run(client, { method, args, abortAfterMs }) {
  const controller = new AbortController();
  if (abortAfterMs !== undefined) setTimeout(() => controller.abort(), abortAfterMs);
  const more = abortAfterMs === undefined ? {} : { signal: controller.signal };
  try {
    return await client[method](...args, more);
  } catch (error) {
    return described(error);
  }
}

const { createChristmasClient } = await import(spec.client);
let outcomes = [];
try {
  const client = createChristmasClient(options);
  if (spec.parallel) outcomes = await Promise.all(spec.calls.map((call) => run(client, call)));
  else for (const call of spec.calls) outcomes.push(await run(client, call));
} catch (error) {
  outcomes = [described(error)];
}
console.log(JSON.stringify({ outcomes, retries, requests }));
