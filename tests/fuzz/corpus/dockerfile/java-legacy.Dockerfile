# A file as it was written in 2015.
FROM openjdk:8
MAINTAINER Somebody <somebody@example.org>
ENV JAVA_HOME /usr/lib/jvm/java-8
ENV APP_OPTS -Xmx512m -Dfile.encoding=UTF-8
ADD https://example.org/app-1.0.tar.gz /tmp/
ADD config.tar.gz /etc/app
RUN cd /tmp && \
    tar xzf app-1.0.tar.gz \

    && mv app /opt/app
EXPOSE 127.0.0.1:8080:8080
CMD $JAVA_HOME/bin/java $APP_OPTS -jar /opt/app/app.jar
CMD ["run"]
