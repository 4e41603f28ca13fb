// Fails the build when the scripts and styles that a browser loads are above 250 kB after gzip.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 250_000;
const dist = new URL('../dist/', import.meta.url).pathname;

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(js|css)$/.test(entry.name))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
const sizes = files.map((file) => [file.slice(dist.length), gzipSync(readFileSync(file), { level: 9 }).length]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);

for (const [file, size] of sizes) console.log(`${(size / 1000).toFixed(1).padStart(7)} kB  ${file}`);
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  of ${BUDGET / 1000} kB (gzip, JS + CSS)`);
if (total > BUDGET) {
  console.error(`bundle budget: ${total} bytes after gzip, ${total - BUDGET} above the budget`);
  process.exit(1);
}
