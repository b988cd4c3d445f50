module.exports = (text) => text.split(',').map(Number).reduce((a, b) => a + b, 0);
