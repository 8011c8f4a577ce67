// The calls to the sandbox.

export async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "content-type": "application/json", "x-console": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error || `The sandbox answers with HTTP ${answer.status}.`);
  return told;
}
