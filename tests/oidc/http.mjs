// Small helpers around node:http that every route here shares.

const BODY_BYTES_MAX = 64 * 1024;

export async function readText(req) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of req) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error('the body is larger than 64 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(res, status, type, body, headers = {}) {
  res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  res.end(body);
}

export const sendJson = (res, status, value, headers) =>
  send(res, status, 'application/json', JSON.stringify(value), headers);

export const sendHtml = (res, status, text) => send(res, status, 'text/html; charset=utf-8', text);
