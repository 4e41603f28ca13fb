// Loaded into firebase-tools before it starts (node --require): the Auth emulator compiles a validator for each of the
// hundreds of parameters of its API before it answers, which is most of what starting it costs. Here each is compiled
// when a request first needs it. Without this file, or with another firebase-tools, emulators only start later.
const { createRequire } = require('node:module');

function compileWhenNeeded() {
  const fromTools = createRequire(require.resolve('firebase-tools/package.json', { paths: [__dirname] }));
  const exegesis = createRequire(fromTools.resolve('exegesis-express'))('exegesis');
  const { compileApi } = exegesis;
  exegesis.compileApi = (api, options, done) => compileApi(api, { ...options, lazyCompileValidationSchemas: true }, done);
}

try {
  compileWhenNeeded();
} catch (error) {
  console.error(`emulators start slowly: ${error.message}`);
}
