const http = require('http');
const { version } = require('./package.json');
const sum = require('./lib/sum');

const server = http.createServer((request, response) => {
  const place = new URL(request.url, 'http://x');
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ version, mode: process.env.NODE_ENV, sum: sum(place.searchParams.get('of') || '0') }));
});
server.listen(process.env.PORT, () => console.log('ready'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
