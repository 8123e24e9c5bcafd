# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""ActiveMQ with KahaDB."""

import secrets

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ..chroot import Chroot
from .broker import PASSWORD, USER, Broker

CONFIGURATION = """\
<beans xmlns="http://www.springframework.org/schema/beans"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.springframework.org/schema/beans
           http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
           http://activemq.apache.org/schema/core
           http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="odoo"
          useJmx="false" dataDirectory="{directory}/data">
    <persistenceAdapter><kahaDB directory="{directory}/kahadb"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin anonymousAccessAllowed="true">
        <users>
          <authenticationUser username="{user}" password="{password}" groups="all"/>
        </users>
      </simpleAuthenticationPlugin>
    </plugins>
    <sslContext>
      <sslContext keyStore="file:{key_store}" keyStoreType="PKCS12"
                  keyStorePassword="{store_password}"/>
    </sslContext>
    <transportConnectors>
      <transportConnector name="mqtt" uri="mqtt://127.0.0.1:{port}"/>
      <transportConnector name="mqtts" uri="mqtt+ssl://127.0.0.1:{tls_port}"/>
    </transportConnectors>
  </broker>
</beans>
"""
LOGGING = """\
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
"""
# The package forgets those that MQTT needs.
JARS = ("mqtt-client", "hawtdispatch", "hawtdispatch-transport", "hawtbuf")
HOME = "/usr/share/activemq"


class ActiveMQ(Broker):
    """ActiveMQ Classic."""

    title = "ActiveMQ"
    chroot = Chroot("bookworm", ("activemq", "libmqtt-client-java", "libslf4j-java"))
    protocols = ("3.1.1",)

    def files(self) -> "dict[str, str]":
        values = {"user": USER, "password": PASSWORD, **self._key_store()}
        text = CONFIGURATION.format(**vars(self), **values)
        return {"activemq.xml": text, "log4j.properties": LOGGING}

    def _key_store(self) -> "dict[str, object]":
        """Java reads no PEM."""
        store, password = self.directory / "tls/store.p12", secrets.token_urlsafe()
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        encryption = serialization.BestAvailableEncryption(password.encode())
        store.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"broker", key, certificate, None, encryption
            )
        )
        return {"key_store": store, "store_password": password}

    def program(self) -> "list[object]":
        (java,) = self.chroot.root.glob("usr/lib/jvm/java-[0-9][0-9]-*/bin/java")
        folders = {"home": HOME, "base": self.directory, "data": self.directory}
        jars = [f"/usr/share/java/{name}.jar" for name in JARS]
        return [
            f"/{java.relative_to(self.chroot.root)}",
            "-Xmx512m",
            f"-Dlog4j.configuration=file:{self.directory}/log4j.properties",
            *(f"-Dactivemq.{name}={folder}" for name, folder in folders.items()),
            "-cp",
            ":".join([f"{HOME}/bin/activemq.jar", *jars]),
            "org.apache.activemq.console.Main",
            "start",
            f"xbean:file:{self.directory}/activemq.xml",
        ]
